// One-letter keys, never while somebody writes or a dialog asks. Whoever dictates to the machine, or strikes keys
// unawares, switches them off among the keys' own list: data-keys="off" says so to every script.
(() => {
  "use strict";
  const KEPT = "single-keys", root = document.documentElement, choice = document.getElementById(KEPT);
  try { if (localStorage.getItem(KEPT) === "off") root.dataset.keys = "off"; } catch { /* storage is off: the keys are on */ }
  if (choice) choice.checked = root.dataset.keys !== "off";
  choice?.addEventListener("change", () => {
    root.dataset.keys = choice.checked ? "on" : "off";
    try { localStorage.setItem(KEPT, root.dataset.keys); } catch { /* it holds for this page then */ }
  });

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
    if (root.dataset.keys === "off" && event.key.length === 1) return;
    const act = KEYS[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
})();
