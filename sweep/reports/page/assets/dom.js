/** Makes elements. What is handed over as text stays text: nothing here reads markup. */

const SVG = "http://www.w3.org/2000/svg";

/**
 * Make an HTML element.
 * @param {string} tag
 * @param {Object} attributes null and false leave one out; functions under onNAME listen to NAME
 * @param {...(Node|string|null)} children
 */
export function make(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/** Make an SVG element, as `make` does. */
export function draw(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

/** Make the element of a whole picture. */
export function picture(width, height, label, ...children) {
  const attributes = { width, height, viewBox: `0 0 ${width} ${height}`, "aria-label": label };
  return draw("svg", { ...attributes, role: "img", "font-size": 12 }, ...children);
}

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

/** Make a labelled list of choices, each `[value, title]`. */
export function choice(label, options, chosen, onchoose) {
  const list = options.map(([value, title]) =>
    make("option", { value, selected: value === chosen }, title),
  );
  const select = make("select", { onchange: () => onchoose(select.value) }, ...list);
  return make("label", { class: "choice" }, make("span", {}, label), select);
}

/** Make a button that says for a while that it did what it is for. */
export function button(title, onclick, attributes = {}) {
  return make("button", { type: "button", onclick, ...attributes }, title);
}

/** Make a button that copies what `text` returns. */
export function copyButton(title, text) {
  const made = button(title, async () => {
    await copy(text());
    made.textContent = "Copied";
    setTimeout(() => (made.textContent = title), 1500);
  });
  return made;
}

/** Copy text, also where the clipboard is closed to pages opened from disk. */
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = make("textarea", { class: "aside", "aria-hidden": "true" });
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
}
