// One-letter keys, never while somebody writes or a dialog asks.
(() => {
  "use strict";
  const writes = (element) => element instanceof Element && element.closest("input, textarea, select, [contenteditable]");
  const follow = (selector) => document.querySelector(selector)?.click();

  const KEYS = {
    "/": () => { const search = document.getElementById("search"); search?.focus(); search?.select(); },
    "?": () => document.getElementById("keys").showModal(),
    j: () => follow(".steps [rel=next]"),
    k: () => follow(".steps [rel=prev]"),
    Escape: () => follow("#up"),
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
