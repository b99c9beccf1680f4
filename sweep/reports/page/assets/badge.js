/** The ending of a trial as a shape with its word, for text. */

import { draw, make } from "sweep/dom";
import { glyph } from "sweep/endings";

/** Return an ending as an element of a line of text. */
export function endingBadge(ending) {
  const shape = draw("svg", { width: 12, height: 12, viewBox: "-6 -6 12 12", "aria-hidden": "true" }, glyph(ending, "currentColor", 36));
  return make("span", { class: `ending ${ending.name}`, title: ending.doc }, shape, ending.word);
}
