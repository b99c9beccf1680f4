/** Keeps a page as its sweep is: fetches the parts that change, and puts in those that did. */

const SECONDS = 1;
const MOST_SECONDS = 5;
const live = document.getElementById("live");
const trouble = document.getElementById("trouble");
const shown = new Map();
let tag = live?.dataset.tag;
let pause = SECONDS;

/** Put HTML in place of a section's, leaving open what was open and the focus where it was. */
function replace(section, html) {
  if (shown.get(section.id) === html) return;
  shown.set(section.id, html);
  const open = [...section.querySelectorAll("details[open]")].map((one) => one.id);
  const scrolled = [...section.querySelectorAll(".scroll")].map((one) => one.scrollLeft);
  const focused = section.contains(document.activeElement) && mark(section, document.activeElement);
  section.innerHTML = html;
  for (const id of open) document.getElementById(id)?.setAttribute("open", "");
  section.querySelectorAll(".scroll").forEach((one, k) => (one.scrollLeft = scrolled[k] ?? 0));
  if (focused) section.querySelectorAll(focused.kind)[focused.place]?.focus({ preventScroll: true });
}

/** Return which element of its kind has the focus. */
function mark(section, element) {
  const kind = element.localName;
  return { kind, place: [...section.querySelectorAll(kind)].indexOf(element) };
}

function say(text) {
  trouble.textContent = text;
  trouble.hidden = !text;
}

async function look() {
  const answer = await fetch(live.dataset.live, { headers: { "If-None-Match": tag ?? "" } });
  if (answer.status === 304) return;
  if (!answer.ok) throw new Error((await answer.text()).trim() || answer.statusText);
  const { title, sections } = await answer.json();
  tag = answer.headers.get("ETag");
  document.title = title;
  for (const [id, html] of Object.entries(sections)) {
    const section = document.getElementById(id);
    if (section) replace(section, html);
  }
}

async function keepLooking() {
  if (!document.hidden) {
    try {
      await look();
      say("");
      pause = SECONDS;
    } catch (error) {
      const cause = error instanceof TypeError ? "the server does not answer" : error.message;
      say(`What is shown may be old: ${cause}. Trying again.`);
      pause = Math.min(2 * pause, MOST_SECONDS);
    }
  }
  setTimeout(keepLooking, 1000 * pause);
}

async function post(button) {
  if (button.dataset.ask && !confirm(button.dataset.ask)) return;
  button.disabled = true;
  const answer = await fetch(button.dataset.post, { method: "POST", headers: { "X-Sweep": "1" } });
  if (!answer.ok) alert((await answer.text()).trim());
}

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-post]");
  if (button) post(button);
});

if (live?.dataset.live) setTimeout(keepLooking, 1000 * SECONDS);
if (live?.dataset.again) setTimeout(() => location.replace(live.dataset.again), 1000 * SECONDS);

const THEMES = { system: "dark", dark: "light", light: "system" };
const theme = document.getElementById("theme");
const root = document.documentElement;

function showTheme() {
  theme.textContent = `Theme: ${root.dataset.theme}`;
}

theme.hidden = false;
showTheme();
theme.addEventListener("click", () => {
  root.dataset.theme = THEMES[root.dataset.theme] ?? "dark";
  try {
    localStorage.setItem("sweep-theme", root.dataset.theme);
  } catch {
    // It then holds for this page alone.
  }
  showTheme();
});
