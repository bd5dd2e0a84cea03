"use strict";
(() => {
  const all = (selector) => [...document.querySelectorAll(selector)];
  const root = document.documentElement;

  for (const button of all("[data-show]")) {
    button.addEventListener("click", () => {
      root.dataset.languageShown = button.dataset.show;
      for (const other of all("[data-show]")) {
        other.setAttribute("aria-pressed", String(other === button));
      }
    });
  }

  const search = document.getElementById("search");
  const found = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const entry of all("[data-search]")) {
      const fits = words.every((word) => entry.dataset.search.includes(word));
      entry.hidden = !fits;
      shown += fits ? 1 : 0;
    }
    document.getElementById("none").hidden = shown > 0;
    document.getElementById("about").hidden = words.length > 0;
  };
  search.addEventListener("input", found);
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && document.activeElement !== search) {
      event.preventDefault();
      search.focus();
    }
  });

  for (const button of all(".copy")) {
    button.addEventListener("click", async () => {
      const text = button.parentElement.querySelector("pre").textContent;
      await navigator.clipboard.writeText(text);
      const before = button.innerHTML;
      button.textContent = "✓";
      setTimeout(() => { button.innerHTML = before; }, 1200);
    });
  }
})();
