// Runs before the first paint, so that a chosen theme does not flash. Knows the choice; the page owns the button.
(() => {
  try {
    const chosen = localStorage.getItem("songwright-theme");
    if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
  } catch {
    // Storage is closed to this page: the system's theme holds.
  }
})();
