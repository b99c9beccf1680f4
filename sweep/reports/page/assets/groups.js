/** What Python has summarised of all trials, by the levels of an axis: curves, survival, gradients. */

import { choice } from "sweep/dom";

const ALL = "";

/** The summaries of one kind, by axis and level, with the choice of the axis. */
export class Summaries {
  constructor(summaries, { trials, state }) {
    this.summaries = summaries ?? {};
    this.trials = trials;
    this.state = state;
    const known = Object.keys(this.summaries).filter((name) => Object.keys(this.summaries[name]).length);
    // The axis without a name is of all trials together; it comes last.
    const named = known.filter((name) => name !== ALL);
    this.names = [...trials.rank(named, (name) => name), ...known.filter((name) => name === ALL)];
  }

  get isEmpty() {
    return this.names.length === 0;
  }

  /** The axis by which trials are told apart. */
  get axis() {
    const named = this.state.get("group");
    return this.names.includes(named) ? named : this.names[0];
  }

  get title() {
    return this.#titleOf(this.axis);
  }

  get isOrdered() {
    return this.trials.get(this.axis)?.isNumber ?? false;
  }

  /** The levels of the axis with what is known of each, `[level, summary]`. */
  get levels() {
    const levels = Object.entries(this.summaries[this.axis] ?? {});
    if (this.isOrdered) return levels.sort(([a], [b]) => Number(a) - Number(b));
    const places = new Map(this.trials.get(this.axis)?.levels?.map((level, place) => [level, place]));
    return d3.sort(levels, ([level]) => places.get(level) ?? Infinity);
  }

  control() {
    const options = this.names.map((name) => [name, this.#titleOf(name)]);
    return choice("by", options, this.axis, (name) => this.state.set({ group: name }));
  }

  #titleOf(name) {
    return name === ALL ? "nothing: all together" : (this.trials.get(name)?.title ?? name);
  }
}
