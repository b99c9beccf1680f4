/** Codes and images as pictures: a square a number, from dark for the least to light for the largest. */

import { draw, picture } from "sweep/dom";

const CODE = 14; // pixels of a number of a code
const IMAGE = 56; // pixels of an image's longer side
const GAP = 6;
const TITLE = 20;

/**
 * Return codes, a layer beside the other: in each a row a sample and a column a unit.
 * @param {{layer: number, samples: number, units: number, values: number[]}[]} layers
 */
export function codesPicture(layers, theme, cell = CODE) {
  const starts = d3.cumsum([0, ...layers.map(({ units }) => units * cell + 3 * GAP)]);
  const parts = layers.map((layer, k) => draw("g", { transform: `translate(${starts[k]},${TITLE})` }, ...codesOf(layer, theme, cell)));
  const height = TITLE + cell * d3.max(layers, ({ samples }) => samples);
  const label = `Codes of ${layers[0].samples} samples in ${layers.length} layers`;
  return picture(Math.max(80, starts.at(-1)), height, label, ...parts);
}

function codesOf({ layer, units, values }, theme, cell) {
  const [low, high] = [Math.min(0, d3.min(values)), Math.max(1, d3.max(values))];
  const title = draw("text", { y: -7, fill: theme.quiet, "font-size": 11 }, `layer ${layer + 1}`);
  const squares = values.map((value, k) => {
    const [row, unit] = [Math.floor(k / units), k % units];
    const told = `sample ${row + 1}, unit ${unit + 1}: ${value}`;
    return square(unit * cell, row * cell, cell - 1, theme.ramp((value - low) / (high - low)), told);
  });
  return [title, ...squares];
}

/** Return inputs above their outputs, as images of `shape`. */
export function imagesPicture(inputs, outputs) {
  const rows = [inputs, outputs].filter(Boolean);
  const count = rows[0].values.length;
  const width = count * (IMAGE + GAP);
  const label = `${count} inputs${outputs ? " above their reconstructions" : ""}`;
  const tall = (k) => k * (d3.min([IMAGE, (IMAGE * rows[0].shape[0]) / rows[0].shape[1]]) + GAP);
  const images = rows.flatMap((row, k) =>
    row.values.map((pixels, sample) => image(pixels, row.shape, sample * (IMAGE + GAP), tall(k))),
  );
  return picture(width, tall(rows.length), label, ...images);
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
