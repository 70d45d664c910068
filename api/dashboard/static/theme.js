// Runs before the first paint, so that neither a chosen theme nor the notice of missing scripts flashes.
(() => {
  document.documentElement.dataset.scripts = "";
  try {
    const chosen = localStorage.getItem("songwright-theme");
    if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
  } catch {
    // Storage is closed to this page: the system's theme holds.
  }
})();
