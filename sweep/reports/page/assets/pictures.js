/** Codes and images as pictures: a square a number, from dark for the least to light for the largest. */

import { draw, picture } from "sweep/dom";

const CODE = 14; // pixels of a number of a code
const IMAGE = 56; // pixels of an image's longer side
const GAP = 6;

/** Return codes, a row a sample and a column a unit of the bottleneck, each from 0 to 1. */
export function codesPicture(codes, theme, cell = CODE) {
  const units = codes[0]?.length ?? 0;
  const squares = codes.flatMap((code, row) =>
    code.map((value, unit) => square(unit * cell, row * cell, cell - 1, theme.ramp(value), `sample ${row + 1}, unit ${unit + 1}: ${value}`)),
  );
  return picture(Math.max(1, units * cell), codes.length * cell, `Codes of ${codes.length} samples, ${units} units each`, ...squares);
}

/** Return inputs above their outputs, as images of `shape`. */
export function imagesPicture(inputs, outputs) {
  const rows = [inputs, outputs].filter(Boolean);
  const count = rows[0].values.length;
  const width = count * (IMAGE + GAP);
  const label = `${count} inputs${outputs ? " above their reconstructions" : ""}`;
  const images = rows.flatMap((row, k) =>
    row.values.map((pixels, sample) => image(pixels, row.shape, sample * (IMAGE + GAP), k * (IMAGE + GAP))),
  );
  return picture(width, rows.length * (IMAGE + GAP), label, ...images);
}

function image(pixels, [height, width], x, y) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width, height];
  const pen = canvas.getContext("2d");
  const data = pen.createImageData(width, height);
  pixels.forEach((value, p) => data.data.set([value, value, value, 255], 4 * p));
  pen.putImageData(data, 0, 0);
  const scale = IMAGE / Math.max(width, height);
  const size = { width: width * scale, height: height * scale };
  return draw("image", { x, y, ...size, href: canvas.toDataURL(), style: "image-rendering:pixelated" });
}

function square(x, y, size, fill, title) {
  return draw("rect", { x, y, width: size, height: size, fill }, draw("title", {}, title));
}
