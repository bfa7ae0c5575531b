// The wall: coloured from one short string, walked by arrow keys, and the card of the page one points at.
(() => {
  "use strict";
  const frame = () => document.getElementById("wall-frame");
  const cells = () => document.getElementById("wall")?.children ?? [];
  const WORDS = { w: "waiting", r: "being read", d: "read", v: "needs a look", b: "blank", f: "failed", q: "set aside", c: "cancelled" };

  // "124d16r" -> one letter a page
  const spelled = (runs) => (runs.match(/\d+[a-z]/gi) ?? []).map((run) => run.slice(-1).repeat(parseInt(run, 10))).join("");
  let shown = "";

  function recolour() {
    const state = document.getElementById("wall-state");
    if (!state) return;
    const letters = spelled(state.dataset.states), all = cells();
    for (let i = 0; i < letters.length && i < all.length; i++) {
      if (letters[i] === shown[i]) continue;
      const letter = letters[i].toLowerCase();
      all[i].className = letter === letters[i] ? letter : `${letter} again`;
      if (all[i].textContent) all[i].setAttribute("aria-label", `Page ${all[i].textContent}, ${WORDS[letter]}`);
    }
    shown = letters;
  }

  // ---- one stop for the Tab key, arrows inside
  let home = null;
  function rove(cell) {
    if (!cell) return;
    if (home) home.tabIndex = -1;
    home = cell;
    home.tabIndex = 0;
  }
  function settle() {
    const all = cells();
    for (const cell of all) cell.tabIndex = -1;
    home = null;
    rove(document.querySelector("#wall [aria-current]") ?? document.querySelector("#wall > a"));
  }

  function columns() {
    const all = cells();
    let n = 1;
    while (n < all.length && all[n].offsetTop === all[0].offsetTop) n++;
    return n;
  }

  document.addEventListener("keydown", (event) => {
    const cell = event.target.closest?.("#wall > a");
    if (!cell || event.ctrlKey || event.metaKey || event.altKey) return;
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns(), ArrowUp: -columns(), j: 1, k: -1 }[event.key];
    const all = cells();
    const to = event.key === "Home" ? all[0] : event.key === "End" ? all[all.length - 1] : step && all[[...all].indexOf(cell) + step];
    if (!to) return;
    event.preventDefault();
    event.stopPropagation();
    rove(to);
    to.focus();
  });

  // ---- the card follows a pointer that rests, and the focus
  let resting = 0;
  function show(cell) {
    const number = cell.textContent;
    if (document.querySelector(`#page-card [data-page="${number}"]`)) return mark(cell);
    htmx.ajax("GET", `${location.pathname}card/${number}`, { target: "#page-card", swap: "innerHTML" }).then(() => mark(cell));
  }
  function mark(cell) {
    document.querySelector("#wall [aria-current]")?.removeAttribute("aria-current");
    cell.setAttribute("aria-current", "true");
  }
  document.addEventListener("mouseover", (event) => {
    clearTimeout(resting);
    const cell = event.target.closest?.("#wall > a");
    if (cell) resting = setTimeout(() => show(cell), 220);
  });
  document.addEventListener("focusin", (event) => {
    const cell = event.target.closest?.("#wall > a");
    if (cell && cell.matches(":focus-visible")) { rove(cell); clearTimeout(resting); resting = setTimeout(() => show(cell), 120); }
  });

  document.addEventListener("live:merged", () => {
    if (home && !home.isConnected) { shown = ""; settle(); }
    recolour();
  });
  shown = spelled(document.getElementById("wall-state")?.dataset.states ?? "");
  if (frame()) settle();
})();
