// Formulas that the server marked, drawn by KaTeX. It is loaded when the first one is there; without it, or where it
// cannot read one, the source stays.
(() => {
  "use strict";
  const script = document.currentScript;
  const MOST = 500, LONGEST = 5000;
  const OPTIONS = { trust: false, maxExpand: 200, maxSize: 20, strict: "ignore", output: "html", throwOnError: true };
  let loading = null;

  function loaded() {
    return (loading ??= new Promise((resolve, reject) => {
      const style = Object.assign(document.createElement("link"), { rel: "stylesheet", href: script.dataset.style });
      const code = Object.assign(document.createElement("script"), { src: script.dataset.katex, onload: resolve, onerror: reject });
      document.head.append(style, code);
    }));
  }

  function draw(place) {
    const source = place.textContent, tex = source.slice(2, -2);
    if (source.length > LONGEST) return;
    const drawn = document.createElement("span");
    try {
      katex.render(tex, drawn, { ...OPTIONS, displayMode: place.classList.contains("display") });
    } catch {
      return; // what a model wrote need not be LaTeX
    }
    place.setAttribute("role", "math");
    place.setAttribute("aria-label", tex.trim());
    place.replaceChildren(drawn);
  }

  async function drawAll() {
    const places = [...document.querySelectorAll(".prose .math:not([role])")].slice(0, MOST);
    if (!places.length) return;
    try { await loaded(); } catch { return; }
    places.forEach((place) => { if (place.isConnected && !place.hasAttribute("role")) draw(place); });
  }
  document.addEventListener("live:merged", drawAll);
  drawAll();
})();
