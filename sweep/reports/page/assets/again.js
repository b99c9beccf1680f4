/** Writes the command that trains one trial again: the sweep file, with every parameter that varies fixed. */

import { quoted } from "sweep/text";

/** Parameters that have a name and options, and the beginnings of their options' columns. */
const COMPONENTS = {
  activation: ["activation_"],
  output_activation: ["output_activation_"],
  normalisation: ["normalisation_"],
  initialiser: ["initialiser_"],
  loss: ["loss_"],
  input_noise: ["input_noise_"],
  gradient_clip: ["gradient_clip_"],
  sparsity: ["sparsity_"],
  learning_rate_schedule: ["learning_rate_"],
  optimizer: ["optimizer_"],
  pretraining: ["pretraining_"],
};
const PLAIN = new Set([
  ...["topology", "tied_weights", "biases", "skip", "bias_constant", "seed", "input_dropout", "hidden_dropout", "flat_spot"],
  ...["code_penalty", "contractive_penalty", "weight_decay", "weight_l1", "decay_biases", "learning_rate", "batch_size", "sample_order", "dtype"],
]);
const OF_NONE = new Set(["normalisation", "skip", "input_noise", "gradient_clip", "sparsity", "pretraining"]);

/**
 * Return the command for a trial, or null where what varies cannot be said so: data, stop rules,
 * networks and components of one's own.
 */
export function commandAgain({ trials, manifest }, i) {
  if (!manifest.config || !trials.axes.length) return null;
  const values = new Map(trials.axes.map((column) => [column.name, column.full(i)]));
  const overrides = [];
  for (const [name, value] of values) {
    if (name.endsWith("_options")) return null;
    const owner = ownerOf(name);
    if (owner && values.has(owner)) continue;
    if (owner) overrides.push(value === "" ? null : `fixed.${owner}.${optionOf(name, owner)}=${value}`);
    else if (name in COMPONENTS) overrides.push(`fixed.${name}=${component(name, value, values)}`);
    else if (PLAIN.has(name)) overrides.push(value === "" ? (OF_NONE.has(name) ? `fixed.${name}=none` : null) : `fixed.${name}=${value}`);
    else return null;
  }
  if (values.has("seed")) overrides.push("grid.replicates=1");
  const words = overrides.filter(Boolean).map(quoted).join(" ");
  const output = quoted(`results/trial-${trials.ids.text(i)}`);
  return `sweep run ${quoted(`${manifest.results}/config.yaml`)} ${words} --output ${output}`;
}

function component(name, value, values) {
  if (value === "") return "none";
  const options = [...values].filter(([option, text]) => ownerOf(option) === name && text !== "");
  if (!options.length) return value;
  const told = options.map(([option, text]) => `${optionOf(option, name)}: ${text}`);
  return `{name: ${value}, ${told.join(", ")}}`;
}

/** Return the component that a column is an option of, if it is of any. */
function ownerOf(name) {
  if (PLAIN.has(name) || name in COMPONENTS) return null;
  return Object.keys(COMPONENTS).find((owner) => COMPONENTS[owner].some((beginning) => name.startsWith(beginning))) ?? null;
}

function optionOf(name, owner) {
  return name.slice(COMPONENTS[owner][0].length);
}
