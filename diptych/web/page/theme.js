// Dark or light theme: follows the system until the button is used. Runs before the page is drawn, to avoid a flash.
(() => {
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const chosen = () => localStorage.getItem("diptych-theme") ?? (system.matches ? "dark" : "light");
  const apply = () => {
    root.dataset.theme = chosen();
    const button = document.getElementById("theme");
    if (button) button.textContent = chosen() === "dark" ? "Light" : "Dark";
  };
  apply();
  system.addEventListener("change", apply);
  document.addEventListener("DOMContentLoaded", () => {
    apply();
    document.getElementById("theme").addEventListener("click", () => {
      localStorage.setItem("diptych-theme", chosen() === "dark" ? "light" : "dark");
      apply();
    });
  });
})();
