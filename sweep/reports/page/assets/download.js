/** Takes figures and their numbers out of the page: SVG and CSV files. */

import { draw, make } from "sweep/dom";
import { csvField } from "sweep/text";

const MARGIN = 16;
const TITLE = 24;
const FONT = "system-ui, -apple-system, 'Segoe UI', 'Liberation Sans', Arial, sans-serif";

/** Hand a file to the reader. */
export function save(name, text, kind) {
  const address = URL.createObjectURL(new Blob([text], { type: kind }));
  const link = make("a", { href: address, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

/** Return the text of a CSV file (RFC 4180). */
export function csvText(header, rows) {
  const lines = [header.map(csvField).join(",")];
  for (const row of rows) lines.push(row.map(csvField).join(","));
  return `${lines.join("\r\n")}\r\n`;
}

/** Return a drawn figure as the text of an SVG file: its canvases become images within. */
export function svgText(body, title, caption, theme) {
  const blocks = [...body.querySelectorAll("[data-block]")];
  const width = Math.max(...blocks.map((block) => Number(block.dataset.width))) + 2 * MARGIN;
  let top = MARGIN + TITLE;
  const parts = [label(title, top - 8, { "font-size": 15, "font-weight": 600, fill: theme.ink })];
  for (const block of blocks) {
    parts.push(draw("g", { transform: `translate(${MARGIN},${top})` }, ...layers(block)));
    top += Number(block.dataset.height) + 8;
  }
  parts.push(...captionLines(caption, width, top + 12, theme));
  const height = top + 12 + 15 * captionRows(caption, width).length + MARGIN;
  const background = draw("rect", { width, height, fill: theme.page });
  const whole = draw("svg", { width, height, viewBox: `0 0 ${width} ${height}` }, background, ...parts);
  whole.setAttribute("font-family", FONT);
  whole.style.color = theme.ink;
  return new XMLSerializer().serializeToString(whole);
}

function layers(block) {
  return [...block.querySelectorAll("canvas, svg")].filter((layer) => !layer.parentElement.closest("svg")).map((layer) => {
    if (layer instanceof HTMLCanvasElement) {
      const { width, height } = { width: parseFloat(layer.style.width), height: parseFloat(layer.style.height) };
      return draw("image", { width, height, href: layer.toDataURL(), x: layer.dataset.x ?? 0, y: layer.dataset.y ?? 0 });
    }
    const copy = layer.cloneNode(true);
    for (const tool of copy.querySelectorAll(".end, .field, .band, .aim")) tool.remove();
    copy.removeAttribute("style");
    return copy;
  });
}

function captionRows(text, width) {
  const most = Math.floor((width - 2 * MARGIN) / 6);
  const rows = [""];
  for (const word of text.split(" ")) {
    const row = rows.at(-1);
    if (row.length + word.length + 1 > most) rows.push(word);
    else rows[rows.length - 1] = row ? `${row} ${word}` : word;
  }
  return rows;
}

function captionLines(text, width, top, theme) {
  return captionRows(text, width).map((row, k) => label(row, top + 15 * k, { "font-size": 11, fill: theme.quiet }));
}

function label(text, y, attributes) {
  return draw("text", { x: MARGIN, y, ...attributes }, text);
}
