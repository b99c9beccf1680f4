/** The links to the sections of the page, which leave the state of the view in the address alone. */

/** Make links of the page's head go to their sections, from the page of a trial too. */
export function linkSections(state) {
  for (const link of document.querySelectorAll("#sections a")) {
    const section = () => document.getElementById(link.hash.slice(1));
    link.hidden = section() === null;
    link.addEventListener("click", (event) => {
      event.preventDefault();
      if (state.get("trial")) state.set({ trial: null });
      goTo(section());
    });
  }
}

/** Bring a section into sight, and have the keyboard go on from its title. */
function goTo(section) {
  const title = section.querySelector("h2");
  title.setAttribute("tabindex", -1);
  title.focus({ preventScroll: true });
  section.scrollIntoView();
}
