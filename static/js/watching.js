// Tells whoever looks elsewhere that the document on this page is done: always in the title, and by the browser's own
// notice once the person has switched that on here. Off by default.
(() => {
  "use strict";
  const KEY = "notices";
  const OPEN = ["queued", "processing"];
  const ENDED = { done: "is done", partial: "is done, with pages that failed", failed: "could not be read" };
  const watched = () => document.getElementById("watch");
  const can = "Notification" in window;
  let was = watched()?.dataset.state, title = document.title;

  function wanted() { try { return localStorage.getItem(KEY) === "on" && can && Notification.permission === "granted"; } catch { return false; } }
  function set(on) { try { localStorage.setItem(KEY, on ? "on" : "off"); } catch { /* it holds for this page then */ } }

  function tell(state, name) {
    if (!document.hidden) return;
    document.title = `✓ ${title}`;
    if (wanted()) new Notification(name, { body: `The document ${ENDED[state]}.`, tag: watched().dataset.document });
  }

  function look() {
    const place = watched();
    if (!place) return;
    const { state, name } = place.dataset;
    if (OPEN.includes(was) && state in ENDED) tell(state, name);
    was = state;
    offer();
  }
  document.addEventListener("visibilitychange", () => { if (!document.hidden) document.title = title; });

  // ---- the switch, in the document's head while something is under way
  function offer() {
    const button = document.getElementById("tell-me");
    if (!button) return;
    button.hidden = !can || Notification.permission === "denied" || !OPEN.includes(was);
    button.setAttribute("aria-pressed", String(wanted()));
    button.textContent = wanted() ? "You will be told when it is done" : "Tell me when it is done";
  }
  document.addEventListener("click", async (event) => {
    if (event.target.id !== "tell-me") return;
    const on = !wanted() && (await Notification.requestPermission()) === "granted";
    set(on);
    offer();
  });

  document.addEventListener("live:merged", look);
  offer();
})();
