/**
 * The state of the view: texts under names, such as `x: learning_rate`. What differs from the
 * default is kept in the address, so that it can be shared, and the back button undoes.
 */

const MARK = "#?";

export class State {
  #values = new Map();
  #listeners = [];

  constructor() {
    this.#read();
    addEventListener("popstate", () => this.#return());
    addEventListener("hashchange", () => this.#return());
  }

  /** Return the text under a name, or `fallback`. */
  get(name, fallback = null) {
    return this.#values.get(name) ?? fallback;
  }

  /** Return the names in use that begin so. */
  names(beginning) {
    return [...this.#values.keys()].filter((name) => name.startsWith(beginning));
  }

  /**
   * Change texts; null takes one out.
   * @param {Object<string, ?string>} changes
   * @param {boolean} isSettled whether it is a place to come back to, and not one of a movement
   */
  set(changes, isSettled = true) {
    const changed = new Set();
    for (const [name, text] of Object.entries(changes)) {
      if (this.get(name) === text) continue;
      if (text === null) this.#values.delete(name);
      else this.#values.set(name, text);
      changed.add(name);
    }
    if (isSettled) this.#write();
    if (changed.size || isSettled) this.#tell(changed, isSettled);
  }

  /** Call `listener(changed names, is settled)` after each change. */
  listen(listener) {
    this.#listeners.push(listener);
  }

  get address() {
    const texts = new URLSearchParams([...this.#values].sort(([a], [b]) => (a < b ? -1 : 1)));
    return this.#values.size ? MARK + texts : "#";
  }

  #write() {
    if (this.address === location.hash || (!this.#values.size && !location.hash)) return;
    history.pushState(null, "", this.address);
  }

  #read() {
    const hash = location.hash;
    const isState = hash.startsWith(MARK) || hash === "" || hash === "#";
    if (!isState) return;
    this.#values = new Map(new URLSearchParams(hash.slice(MARK.length)));
  }

  #return() {
    const before = new Map(this.#values);
    this.#read();
    const names = new Set([...before.keys(), ...this.#values.keys()]);
    const changed = [...names].filter((name) => before.get(name) !== this.#values.get(name));
    if (changed.length) this.#tell(new Set(changed), true);
  }

  #tell(changed, isSettled) {
    for (const listener of this.#listeners) listener(changed, isSettled);
  }
}
