// The hosts and their rules: what takes long says so, and what was unfolded stays so.
(() => {
  "use strict";
  const testing = new Set(); // hosts whose self-test this page waits for; the page can be used meanwhile

  function show() {
    document.querySelectorAll("[data-host]").forEach((card) => {
      const tested = testing.has(card.dataset.host);
      card.querySelector(".checking-now").hidden = !tested;
      card.querySelectorAll("[data-tests]").forEach((button) => { button.disabled = tested; });
    });
  }
  document.addEventListener("live:merged", () => { if (testing.size) show(); });
  document.addEventListener("submit", (event) => {
    const name = event.submitter?.dataset.tests;
    if (event.defaultPrevented || !name) return;
    testing.add(name);
    setTimeout(show); // after the form was sent: a disabled button sends nothing
  });
  // Back by the browser's own button: nothing is being waited for.
  addEventListener("pageshow", (event) => { if (event.persisted) { testing.clear(); show(); } });

  // ---- the rules come anew after each edit
  let open = [];
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.target?.id === "routing") open = [...event.detail.target.querySelectorAll("details[open][id]:not(.menu)")].map((one) => one.id);
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    const fresh = document.getElementById("routing");
    if (event.detail.requestConfig?.elt?.id !== "routing-form" || !fresh) return;
    open.forEach((id) => { const one = document.getElementById(id); if (one) one.open = true; });
    const replay = document.querySelector("#replay > *");
    if (replay && /^replay-/.test(event.detail.requestConfig.parameters?.do ?? "")) replay.scrollIntoView({ block: "nearest" });
  });
})();
