// Saves while somebody writes. What cannot be saved is said, tried again, and kept in this browser until it is.
(() => {
  "use strict";
  const form = document.getElementById("editor");
  if (!form) return;
  const area = form.elements.text, base = form.elements.base, said = document.getElementById("saved-said");
  const token = JSON.parse(document.body.getAttribute("hx-headers"))["X-CSRFToken"];
  const key = `draft:${form.dataset.api}`;
  const QUIET_MS = 1200, AGAIN_MS = 5000;
  let stored = form.hasAttribute("data-conflict") ? null : area.value, timer = 0, sending = null, leaving = false;

  const dirty = () => area.value !== stored;
  // The same words again would be read out again, at every key.
  function tell(words, trouble = false) { if (said.textContent !== words) said.textContent = words; said.toggleAttribute("data-trouble", trouble); }
  function keep() { try { dirty() ? localStorage.setItem(key, JSON.stringify({ text: area.value, base: base.value })) : localStorage.removeItem(key); } catch { /* storage is off: the page itself still holds the text */ } }

  function later(wait) { clearTimeout(timer); timer = setTimeout(save, wait); }
  area.addEventListener("input", () => { keep(); tell(dirty() ? "Not saved yet" : ""); if (!form.hasAttribute("data-conflict")) later(QUIET_MS); });

  async function save() {
    clearTimeout(timer);
    if (sending) { await sending; return dirty() && save(); }
    if (!dirty() || leaving) return;
    sending = put(area.value);
    await sending;
    sending = null;
  }

  async function put(text) {
    tell("Saving…");
    try {
      const answer = await fetch(form.dataset.api, {
        method: "PUT",
        headers: { "Content-Type": "application/json", "X-CSRFToken": token },
        body: JSON.stringify({ text, base: Number(base.value) || null }),
      });
      if (answer.status === 409) return conflict();
      const body = await answer.json();
      if (!answer.ok) return tell(body.error.message, true);
      base.value = body.reading;
      stored = text;
      keep();
      if (!dirty()) tell(`Saved at ${new Date().toTimeString().slice(0, 5)}`);
    } catch {
      tell("Not saved: the site does not answer. Trying again…", true);
      later(AGAIN_MS);
    }
  }

  // Somebody else was quicker: the server shows both texts on a page of its own.
  function conflict() { leaving = true; form.submit(); }

  form.addEventListener("submit", () => { leaving = true; try { localStorage.removeItem(key); } catch { /* nothing was kept */ } });
  area.addEventListener("keydown", (event) => { if ((event.ctrlKey || event.metaKey) && event.key === "Enter") { event.preventDefault(); form.requestSubmit(); } });
  document.getElementById("done-editing").addEventListener("click", async (event) => {
    if (!dirty()) return;
    event.preventDefault();
    const to = event.currentTarget.href;
    await save();
    if (!dirty()) location.assign(to);
  });
  addEventListener("beforeunload", (event) => { if (dirty() && !leaving) { save(); event.preventDefault(); } });

  // What an earlier visit could not save.
  try {
    const draft = JSON.parse(localStorage.getItem(key) ?? "null");
    if (draft && draft.text !== area.value && !form.hasAttribute("data-conflict")) {
      area.value = draft.text;
      base.value = draft.base;
      tell("Brought back what was not saved last time");
      later(QUIET_MS);
    }
  } catch { /* storage is off, or holds something else */ }
  area.focus();
  area.setSelectionRange(0, 0);
  area.scrollTop = 0;
})();
