/** What the page carries of single trials: codes, gradients, inputs and outputs; unpacked when first asked for. */

import { carries, packedObjectOf } from "sweep/bytes";

export class Details {
  #loading = null;

  constructor() {
    this.isThere = carries("details");
  }

  /**
   * Return what is known of a trial, or null: `codes` by layer, `gradients`, `traceback`, and pictures of
   * `inputs` and `outputs`.
   */
  async of(id) {
    if (!this.isThere) return null;
    this.#loading ??= packedObjectOf("details");
    const { trials, inputs } = await this.#loading;
    const found = trials[id];
    return found ? { ...found, inputs: found.outputs ? inputs[found.outputs.of] : null } : null;
  }
}
