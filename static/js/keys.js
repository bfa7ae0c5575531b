// One-letter keys, never while somebody writes or a dialog asks.
(() => {
  "use strict";
  const writes = (element) => element instanceof Element && element.closest("input, textarea, select, [contenteditable]");
  // The first of the selectors that is there is clicked.
  const follow = (selectors) => selectors.split(", ").some((one) => { const found = document.querySelector(one); found?.click(); return found; });

  const KEYS = {
    "/": () => { const search = document.getElementById("search"); search?.focus(); search?.select(); },
    "?": () => document.getElementById("keys").showModal(),
    j: () => follow(".steps [rel=next]"),
    k: () => follow(".steps [rel=prev]"),
    n: () => follow("#next-review"),
    f: () => follow("#next-failed"),
    a: () => follow("#accept, #approve"),
    e: () => follow("#edit"),
    r: () => follow("#to-review"),
    b: () => follow("#show-boxes"),
    "+": () => follow("#zoom-in"),
    "=": () => follow("#zoom-in"),
    "-": () => follow("#zoom-out"),
    0: () => follow("#fit-width"),
    1: () => follow("#fit-page"),
    Escape: () => follow("#done-editing, #up"),
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (writes(event.target)) { if (event.key === "Escape") event.target.blur(); return; }
    const act = KEYS[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
})();
