// Sets the theme that was chosen, here or in a report, before anything is drawn.
try {
  document.documentElement.dataset.theme = localStorage.getItem("sweep-theme") ?? "system";
} catch {
  document.documentElement.dataset.theme = "system";
}
