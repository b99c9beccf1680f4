/** Checks a sweep file and submits it; what was checked is what is sent. */

const form = document.getElementById("submission");
const text = document.getElementById("text");
const file = document.getElementById("file");
const answer = document.getElementById("answer");
const [check, estimate, send] = ["check", "estimate", "send"].map((id) => document.getElementById(id));
const KEPT = "sweep-draft";

text.value = sessionStorage.getItem(KEPT) ?? "";

function changed() {
  sessionStorage.setItem(KEPT, text.value);
  estimate.disabled = send.disabled = true;
}

function element(name, content, kind) {
  const made = document.createElement(name);
  made.textContent = content;
  if (kind) made.className = kind;
  return made;
}

function show(...elements) {
  answer.replaceChildren(...elements);
}

async function ask(path, busy) {
  show(element("p", busy, "quiet"));
  const buttons = [check, estimate, send].filter((one) => !one.disabled);
  for (const one of buttons) one.disabled = true;
  try {
    const reply = await fetch(path, {
      method: "POST",
      headers: { "X-Sweep": "1", "Content-Type": "application/json" },
      body: JSON.stringify({ text: text.value }),
    });
    if (!reply.ok) throw new Error((await reply.text()).trim());
    return await reply.json();
  } catch (error) {
    show(element("p", error.message, "trouble"));
    return null;
  } finally {
    for (const one of buttons) one.disabled = false;
  }
}

function showCheck(found) {
  const parts = [];
  if (found.faults.length) {
    const many = found.faults.length === 1 ? "1 fault" : `${found.faults.length} faults`;
    parts.push(element("h2", many));
    const list = document.createElement("ol");
    list.className = "faults";
    list.append(...found.faults.map(faultLine));
    parts.push(list);
  } else {
    const plan = element("pre", found.plan, "page");
    plan.tabIndex = 0;
    plan.setAttribute("role", "region");
    plan.setAttribute("aria-label", "Plan");
    parts.push(element("h2", "A valid sweep"), plan);
  }
  for (const warning of found.warnings) parts.push(element("p", warning, "warning"));
  show(...parts);
}

function faultLine(fault) {
  const item = element("li", fault.line ? "" : fault.text);
  if (fault.line) {
    const go = element("button", `line ${fault.line}`, "plain");
    go.type = "button";
    go.addEventListener("click", () => select(fault.line));
    item.append(go, ` ${fault.text}`);
  }
  return item;
}

function select(line) {
  const lines = text.value.split("\n");
  const start = lines.slice(0, line - 1).join("\n").length + (line > 1 ? 1 : 0);
  text.focus();
  text.setSelectionRange(start, start + (lines[line - 1]?.length ?? 0));
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const found = await ask("/check", "Checking.");
  if (!found) return;
  showCheck(found);
  estimate.disabled = send.disabled = found.faults.length > 0;
});
estimate.addEventListener("click", async () => {
  const found = await ask("/estimate", "Timing a short pilot.");
  if (found) showCheck(found);
});
send.addEventListener("click", async () => {
  const found = await ask("/submit", "Submitting.");
  if (found) location.assign(found.page);
});
text.addEventListener("input", changed);
file.addEventListener("change", async () => {
  if (!file.files.length) return;
  text.value = await file.files[0].text();
  changed();
});
