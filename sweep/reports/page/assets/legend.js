/** The legend of a figure: words beside colours, and shapes where they mean endings. */

import { draw, picture } from "sweep/dom";
import { glyph } from "sweep/endings";
import { block } from "sweep/figure";
import { clipped } from "sweep/text";

const ROW = 18;
const LETTER = 6.6;

/**
 * Return a legend as a part of a figure.
 * @param {{word: string, colour: string, ending: ?Object, isLine: ?boolean, dash: ?string}[]} items
 */
export function legend(items, width, theme) {
  let [x, y] = [0, 0];
  const parts = items.map((item) => {
    const word = clipped(item.word, 34);
    const room = 22 + word.length * LETTER + 14;
    if (x > 0 && x + room > width) [x, y] = [0, y + ROW];
    const at = `translate(${x},${y})`;
    x += room;
    return draw("g", { transform: at }, mark(item), draw("text", { x: 20, y: 13, fill: theme.ink, "font-size": 12 }, word));
  });
  const height = items.length ? y + ROW + 4 : 0;
  return block(width, height, picture(width, height, `Legend: ${items.map((item) => item.word).join(", ")}`, ...parts));
}

function mark({ colour, ending, isLine, dash }) {
  if (isLine) return draw("line", { x1: 0, x2: 15, y1: 9, y2: 9, stroke: colour, "stroke-width": 2.5, "stroke-dasharray": dash });
  if (!ending) return draw("rect", { x: 2, y: 4, width: 11, height: 11, rx: 2, fill: colour });
  return draw("g", { transform: "translate(7,9)" }, glyph(ending, colour, 44));
}
