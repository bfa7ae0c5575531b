// The review list by keys: j and k from page to page, a approves the one in focus.
(() => {
  "use strict";
  const links = () => [...document.querySelectorAll(".review-open")];
  const place = () => links().findIndex((link) => link.closest(".review-row").contains(document.activeElement));
  const PLACE = "review-place";

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (event.target.closest?.("input, textarea, select") || document.documentElement.dataset.keys === "off") return;
    const all = links(), here = place();
    if (event.key === "j" || event.key === "k") { event.preventDefault(); all[Math.max(0, Math.min(all.length - 1, here + (event.key === "j" ? 1 : -1)))]?.focus(); }
    if (event.key === "a" && here >= 0) { event.preventDefault(); all[here].closest(".review-row").querySelector("[data-approve]")?.click(); }
  });
  // After approving one the focus stands where it stood: on the next.
  document.addEventListener("submit", () => { if (place() >= 0) sessionStorage.setItem(PLACE, String(place())); });
  const before = sessionStorage.getItem(PLACE);
  if (before !== null) { sessionStorage.removeItem(PLACE); const all = links(); all[Math.min(all.length - 1, Number(before))]?.focus(); }
})();
