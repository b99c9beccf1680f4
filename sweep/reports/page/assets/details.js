/** What the page carries of single trials: codes, gradients, inputs and outputs; unpacked when first asked for. */

import { carries, packedObjectOf } from "sweep/bytes";

export class Details {
  #loading = null;

  constructor(manifest) {
    this.ids = manifest.details ?? [];
    this.isThere = this.ids.length > 0 && carries("details");
  }

  /** Return what is known of a trial, or null. */
  async of(id) {
    if (!this.isThere || !this.ids.includes(id)) return null;
    this.#loading ??= packedObjectOf("details");
    return (await this.#loading)[id] ?? null;
  }
}
