// Ticking documents: all at once, and how many.
(() => {
  "use strict";
  const boxes = () => [...document.querySelectorAll("#rows input[type=checkbox]")];

  function count() {
    const all = boxes(), chosen = all.filter((box) => box.checked).length, master = document.getElementById("check-all");
    if (!master) return;
    master.checked = chosen > 0 && chosen === all.length;
    master.indeterminate = chosen > 0 && chosen < all.length;
    const words = chosen === 1 ? "1 chosen" : `${chosen} chosen`, place = document.getElementById("chosen-count");
    if (place.textContent !== words) place.textContent = words;
  }

  document.addEventListener("change", (event) => {
    if (event.target.id === "check-all") boxes().forEach((box) => { box.checked = event.target.checked; });
    if (event.target.matches("#check-all, #rows input")) count();
  });
  // Whoever opens a row's tag field wants to write in it.
  document.addEventListener("toggle", (event) => {
    if (event.target.matches?.("details.tag-add[open]")) event.target.querySelector("input").focus();
  }, true);
  document.addEventListener("live:merged", count);
  count();
})();
