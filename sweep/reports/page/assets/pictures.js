/** Codes and images as pictures: a square a number, from dark for the least to light for the largest. */

import { draw, picture } from "sweep/dom";

const CODE = 14; // pixels of a number of a code
const IMAGE = 56; // pixels of an image's longer side at least, and at most
const LARGEST = 88;
const LEAST = 10; // pixels of its shorter side
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

/** Return each input above its output, as images of `shape`, in as many rows as the width asks for. */
export function imagesPicture(inputs, outputs, width) {
  const kinds = [inputs, outputs].filter(Boolean);
  const count = inputs.values.length;
  const most = Math.max(1, Math.floor((width + GAP) / (IMAGE + GAP)));
  const columns = Math.ceil(count / Math.ceil(count / most));
  const [high, wide] = inputs.shape;
  const side = Math.min(LARGEST, Math.floor((width + GAP) / columns) - GAP);
  const size = { width: Math.min(side, (side * wide) / high), height: Math.max(LEAST, Math.min(side, (side * high) / wide)) };
  const step = { x: size.width + GAP, y: kinds.length * (size.height + GAP / 3) + GAP };
  const images = kinds.flatMap(({ shape, values }, k) =>
    values.map((pixels, sample) => {
      const place = { x: (sample % columns) * step.x, y: Math.floor(sample / columns) * step.y + k * (size.height + GAP / 3) };
      return image(pixels, shape, { ...place, ...size });
    }),
  );
  const label = `${count} inputs${outputs ? " above their reconstructions" : ""}`;
  return picture(columns * step.x - GAP, Math.ceil(count / columns) * step.y, label, ...images);
}

function image(pixels, [height, width], place) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width, height];
  const pen = canvas.getContext("2d");
  const data = pen.createImageData(width, height);
  pixels.forEach((value, p) => data.data.set([value, value, value, 255], 4 * p));
  pen.putImageData(data, 0, 0);
  return draw("image", { ...place, preserveAspectRatio: "none", href: canvas.toDataURL(), style: "image-rendering:pixelated" });
}

function square(x, y, size, fill, title) {
  return draw("rect", { x, y, width: size, height: size, fill }, draw("title", {}, title));
}
