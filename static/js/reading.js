// The reading room: a block and its box light up together, the page is zoomed and moved. All of it works on what the
// server drew, so a part that live.js exchanged needs no wiring.
(() => {
  "use strict";
  const pane = () => document.getElementById("page-image");
  const sheet = () => document.querySelector("#page-image .sheet");

  // A page image that was pruned, or cannot be loaded, gives way to a sentence.
  document.addEventListener("error", (event) => {
    if (event.target.matches?.(".leaf img, .review-thumb img")) return event.target.remove();
    if (!event.target.matches?.("#page-image img")) return;
    const leaf = document.createElement("p");
    leaf.className = "blank-leaf";
    leaf.textContent = "The image of this page is not kept any more.";
    (sheet() ?? event.target).replaceWith(leaf);
  }, true);

  // ---- a block and its box
  const pair = (number) => document.querySelectorAll(`[data-block="${CSS.escape(number)}"]`);
  function light(target) {
    document.querySelectorAll("[data-block].lit").forEach((one) => one.classList.remove("lit"));
    if (target) pair(target.dataset.block).forEach((one) => one.classList.add("lit"));
  }
  const blockAt = (event) => event.target.closest?.("[data-block]");
  document.addEventListener("mouseover", (event) => light(blockAt(event) ?? document.activeElement?.closest?.("[data-block]")));
  document.addEventListener("focusin", (event) => {
    const one = blockAt(event);
    light(one);
    if (!one) return;
    for (const other of pair(one.dataset.block)) if (other !== one) other.scrollIntoView({ block: "nearest" });
  });
  document.addEventListener("click", (event) => {
    const box = event.target.closest?.("a.box");
    if (!box) return;
    event.preventDefault(); // the address stays; without a script the link leads to the block
    document.getElementById(`block-${box.dataset.block}`)?.scrollIntoView({ block: "center", behavior: "smooth" });
    box.focus();
  });

  // One stop for the Tab key on either side, arrows from block to block.
  function rove() {
    for (const all of [document.querySelectorAll("a.box"), document.querySelectorAll(".block")]) {
      all.forEach((one, place) => one.setAttribute("tabindex", place ? "-1" : "0"));
    }
  }
  document.addEventListener("keydown", (event) => {
    const one = event.target.closest?.("a.box, .block");
    const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
    if (!one || !step || event.ctrlKey || event.metaKey || event.altKey) return;
    const all = [...document.querySelectorAll(one.matches(".block") ? ".block" : "a.box")];
    const to = all[all.indexOf(one) + step];
    if (!to) return;
    event.preventDefault();
    one.setAttribute("tabindex", "-1");
    to.setAttribute("tabindex", "0");
    to.focus();
  });

  // ---- larger and smaller
  const STEPS = [0.25, 0.4, 0.55, 0.75, 1, 1.3, 1.7, 2.2, 3, 4];
  let zoom = 0; // 0: fits the width
  const room = () => pane().clientWidth - 44;
  const fits = () => { const image = sheet().querySelector("img"); return Math.min(room(), (pane().clientHeight - 44) * image.width / image.height); };

  function apply(center = true) {
    const page = sheet(), view = pane();
    if (!page) return;
    const before = page.offsetWidth || 1;
    const x = (view.scrollLeft + view.clientWidth / 2) / before, y = (view.scrollTop + view.clientHeight / 2) / before;
    const width = zoom === "page" ? fits() : zoom ? natural() * zoom : 0;
    page.toggleAttribute("data-zoomed", Boolean(width));
    page.style.width = width ? `${Math.round(width)}px` : "";
    if (center) view.scrollTo(x * page.offsetWidth - view.clientWidth / 2, y * page.offsetWidth - view.clientHeight / 2);
    tell();
  }
  // The size at which an A4 page looks like one on most screens: its 200 dpi become 96.
  const natural = () => sheet().querySelector("img").getAttribute("width") * 0.5;
  const now = () => sheet().offsetWidth / natural();
  function tell() {
    if (!sheet()) return;
    const said = document.getElementById("zoom-said"), words = `${Math.round(now() * 100)} %`;
    if (said.textContent !== words) said.textContent = words; // it is read out
    document.getElementById("fit-width").setAttribute("aria-pressed", String(zoom === 0));
    document.getElementById("fit-page").setAttribute("aria-pressed", String(zoom === "page"));
    pane().classList.toggle("pans", pane().scrollWidth > pane().clientWidth + 1 || pane().scrollHeight > pane().clientHeight + 1);
  }
  function change(up) {
    if (!sheet()) return;
    const size = now();
    zoom = up ? STEPS.find((step) => step > size * 1.02) ?? STEPS.at(-1) : STEPS.findLast((step) => step < size * 0.98) ?? STEPS[0];
    apply();
  }
  function boxes() {
    const button = document.getElementById("show-boxes"), shown = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(shown));
    dressed();
  }
  function dressed() {
    const shown = document.getElementById("show-boxes")?.getAttribute("aria-pressed") === "true";
    document.querySelector(".boxes")?.toggleAttribute("hidden", !shown);
  }
  const TOOLS = {
    "zoom-in": () => change(true),
    "zoom-out": () => change(false),
    "fit-width": () => { zoom = 0; apply(); },
    "fit-page": () => { zoom = "page"; apply(); },
    "show-boxes": boxes,
  };
  document.addEventListener("click", (event) => TOOLS[event.target.closest?.(".image-tools button")?.id]?.());
  document.addEventListener("wheel", (event) => {
    if (!event.ctrlKey || !event.target.closest?.("#page-image")) return;
    event.preventDefault();
    change(event.deltaY < 0);
  }, { passive: false });

  // ---- moved by the hand
  let hand = null;
  document.addEventListener("pointerdown", (event) => {
    const view = event.target.closest?.("#page-image.pans");
    if (!view || event.button || event.pointerType !== "mouse" || event.offsetX > view.clientWidth) return;
    hand = { view, x: event.clientX + view.scrollLeft, y: event.clientY + view.scrollTop, moved: false };
  });
  document.addEventListener("pointermove", (event) => {
    if (!hand) return;
    hand.moved ||= Math.abs(event.clientX + hand.view.scrollLeft - hand.x) + Math.abs(event.clientY + hand.view.scrollTop - hand.y) > 4;
    if (!hand.moved) return;
    hand.view.classList.add("panning");
    hand.view.scrollTo(hand.x - event.clientX, hand.y - event.clientY);
  });
  addEventListener("pointerup", () => { hand?.view.classList.remove("panning"); hand = null; });
  document.addEventListener("dragstart", (event) => { if (event.target.closest?.("#page-image")) event.preventDefault(); });

  // ---- the dialog to read again
  document.addEventListener("click", (event) => { if (event.target.closest?.("[data-closes]")) event.target.closest("dialog").close(); });
  document.addEventListener("focusin", (event) => { if (event.target.id === "id_again-pages") document.getElementById("again-range").checked = true; });

  function settled() {
    rove();
    dressed();
    if (pane() && sheet()) apply(false);
  }
  document.addEventListener("live:merged", settled);
  addEventListener("resize", () => { if (pane() && sheet()) apply(false); });
  settled();
  document.querySelector(".neighbours [aria-current]")?.scrollIntoView({ block: "center" });
})();
