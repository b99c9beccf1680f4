/** A raster whose cells count trials, coloured by how many: it shows a million as well as a hundred. */

import { channels } from "sweep/theme";

const SHADES = 1024;

export class Raster {
  /** Make a raster of `width` by `height` cells, each `cell` units of the picture wide. */
  constructor(width, height, cell) {
    this.cell = cell;
    this.width = Math.max(1, Math.round(width / cell));
    this.height = Math.max(1, Math.round(height / cell));
    this.counts = new Float32Array(this.width * this.height);
    this.canvas = document.createElement("canvas");
    this.canvas.width = this.width;
    this.canvas.height = this.height;
    this.pen = this.canvas.getContext("2d");
    this.image = this.pen.createImageData(this.width, this.height);
    this.pixels = new Uint32Array(this.image.data.buffer);
  }

  clear() {
    this.counts.fill(0);
    this.sums?.fill(0);
  }

  /** Count each trial of `mask` in its cell; where `codes` are given, keep apart what colour it has. */
  count(cells, mask, codes = null, palette = null) {
    const counts = this.counts;
    if (codes === null) {
      for (let i = 0; i < cells.length; i++) if (mask[i]) counts[cells[i]]++;
      return;
    }
    this.sums ??= new Float32Array(3 * counts.length);
    const sums = this.sums;
    const inks = palette.map(channels);
    for (let i = 0; i < cells.length; i++) {
      if (!mask[i]) continue;
      const cell = cells[i];
      const ink = inks[codes[i]] ?? inks[0];
      counts[cell]++;
      sums[3 * cell] += ink[0];
      sums[3 * cell + 1] += ink[1];
      sums[3 * cell + 2] += ink[2];
    }
  }

  /** Draw the raster onto a picture, from faintest for one trial to full for the fullest cell. */
  paint(pen, x, y, colour, faintest = 0.35, fullest = 1) {
    const { counts, pixels, sums } = this;
    let most = 0;
    for (let p = 0; p < counts.length; p++) if (counts[p] > most) most = counts[p];
    const shade = shades(most, faintest, fullest);
    const scale = most > 1 ? (SHADES - 1) / Math.log(most) : 0;
    const [r, g, b] = channels(colour);
    const plain = (b << 16) | (g << 8) | r;
    const isMixed = sums !== undefined;
    for (let p = 0; p < counts.length; p++) {
      const n = counts[p];
      if (n === 0) {
        pixels[p] = 0;
        continue;
      }
      const ink = isMixed
        ? ((sums[3 * p + 2] / n) << 16) | ((sums[3 * p + 1] / n) << 8) | (sums[3 * p] / n)
        : plain;
      const place = n > 1 ? (Math.log(n) * scale) | 0 : 0;
      pixels[p] = (shade[place] << 24) | ink;
    }
    this.pen.putImageData(this.image, 0, 0);
    this.show(pen, x, y);
  }

  /** Draw onto a picture what was painted last. */
  show(pen, x, y) {
    pen.imageSmoothingEnabled = false;
    pen.drawImage(this.canvas, x, y, this.width * this.cell, this.height * this.cell);
  }
}

/** Return how opaque a cell is, 0 to 255, by the logarithm of its count. */
function shades(most, faintest, fullest) {
  const top = most > 1 ? fullest : Math.max(faintest, 0.8 * fullest);
  return Uint8Array.from({ length: SHADES }, (_, k) => {
    const share = most > 1 ? k / (SHADES - 1) : 1;
    return Math.round(255 * (faintest + (top - faintest) * share));
  });
}

/** Return a canvas of so many CSS pixels, sharp on this screen, and its pen. */
export function canvasOf(width, height) {
  const density = Math.min(2, devicePixelRatio || 1);
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(width * density);
  canvas.height = Math.round(height * density);
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const pen = canvas.getContext("2d");
  pen.scale(density, density);
  return { canvas, pen };
}

/** Return a number between -0.5 and 0.5 that is always the same for a trial. */
export function jitter(i) {
  let bits = Math.imul(i + 1, 0x9e3779b1);
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return ((bits ^ (bits >>> 16)) >>> 0) / 4294967296 - 0.5;
}
