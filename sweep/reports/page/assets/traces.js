/** The curves of single trials, unpacked when they are first asked for. */

import { bytesOf, carries } from "sweep/bytes";

export class Traces {
  #steps = null;
  #loading = null;

  /**
   * @param {Object} manifest
   * @param {function(): void} onready called once they can be drawn
   */
  constructor(manifest, onready) {
    this.told = manifest.curves;
    this.count = manifest.trials;
    this.onready = onready;
    this.isThere = Boolean(this.told) && carries("curves");
  }

  /** Return curves of these trials, `{trial, points: [{x: epoch, y}]}`; none until they are unpacked. */
  lines(name, trials) {
    if (!this.isThere) return [];
    if (this.#steps === null) {
      this.#loading ??= this.#load();
      return [];
    }
    const quantity = this.told.quantities.find((one) => one.name === name) ?? this.told.quantities[0];
    return trials.map((trial) => ({ trial, points: this.#points(quantity, trial) }));
  }

  async #load() {
    const buffer = await bytesOf("curves");
    const { points, quantities } = this.told;
    this.#steps = new Map();
    for (const quantity of quantities) {
      const bytes = points * this.count * 2;
      const steps = new Uint16Array(buffer.slice(quantity.offset, quantity.offset + bytes));
      for (let k = this.count; k < steps.length; k++) steps[k] += steps[k - this.count]; // modulo 2**16
      this.#steps.set(quantity, steps);
    }
    this.onready();
  }

  #points(quantity, trial) {
    const { epochs, top, missing } = this.told;
    const { low, high, scale } = quantity;
    const steps = this.#steps.get(quantity);
    const points = [];
    for (let k = 0; k < epochs.length; k++) {
      const step = steps[k * this.count + trial];
      if (step === missing) continue;
      const height = low + (step * (high - low)) / top;
      points.push({ x: epochs[k], y: scale === "log" ? 10 ** height : height });
    }
    return points;
  }
}
