// Polling that disturbs nobody. The server answers a poll with 204, or with the parts of the page ([data-live]).
// Only parts that differ from what the server sent last are exchanged, so focus, selection, open menus and scroll stay.
(() => {
  "use strict";
  const sent = new Map(); // id of a part -> a copy of it as the server last sent it

  const remember = (part) => sent.set(part.id, part.cloneNode(true));
  const remembered = (root) => root.querySelectorAll("[data-live][id]").forEach(remember);

  // ---- merging
  function mergeAll(fragment) {
    const fresh = [];
    for (const part of [...fragment.querySelectorAll("[data-live][id]")]) {
      if (part.parentElement?.closest("[data-live]")) continue; // its parent brings it
      fresh.push(...mergePart(part));
    }
    document.dispatchEvent(new CustomEvent("live:merged"));
    return fresh;
  }

  function mergePart(part) {
    const old = document.getElementById(part.id);
    if (!old) return [];
    const same = sent.has(part.id) && sent.get(part.id).isEqualNode(part);
    if (part.dataset.live === "rows" && old.querySelector("#rows") && part.querySelector("#rows")) return mergeRows(old, part);
    if (same) return [];
    remember(part);
    if (part.dataset.live === "cards" && sameCards(old, part)) return [...part.querySelectorAll("[data-live][id]")].flatMap(mergePart);
    remembered(part);
    return [exchange(old, part)];
  }

  // Where the cards are still the same ones, only what changed on them is exchanged: a button stays while it is pressed.
  function sameCards(old, part) {
    const told = (frame) => [...frame.children].map((card) => `${card.id} ${card.className}`).join();
    return told(old) === told(part);
  }

  function mergeRows(old, part) {
    const fresh = [], body = old.querySelector("#rows"), arriving = [...part.querySelector("#rows").children];
    const kept = new Set(arriving.map((row) => row.id));
    [...body.children].forEach((row) => kept.has(row.id) || row.remove());
    let place = body.firstElementChild;
    for (const row of arriving) {
      const mine = document.getElementById(row.id);
      const stays = mine && mine.dataset.print === row.dataset.print;
      if (!mine && row.hasAttribute("data-kept")) continue;
      const now = stays ? mine : row;
      if (mine && mine === place) place = place.nextElementSibling;
      if (mine && !stays) { carryOver(mine, row, () => mine.replaceWith(row)); fresh.push(row); }
      if (!mine) fresh.push(row);
      if (now.nextElementSibling !== place || now.parentElement !== body) body.insertBefore(now, place);
    }
    exchangeAside(old, part);
    return fresh;
  }

  // What stands below the rows: the pager. It changes rarely.
  function exchangeAside(old, part) {
    const was = old.querySelector(".pager"), is = part.querySelector(".pager");
    if (was && is) { if (!was.isEqualNode(is)) was.replaceWith(is); }
    else if (was) was.remove();
    else if (is) old.append(is);
  }

  function exchange(old, part) {
    carryOver(old, part, () => old.replaceWith(part));
    return part;
  }

  // What the person did to the old piece holds for the new one: ticks, open menus, focus, scroll.
  function carryOver(old, part, swap) {
    const focus = old.contains(document.activeElement) ? document.activeElement : null;
    const key = focus?.id ? `#${CSS.escape(focus.id)}` : focus?.matches("input[type=checkbox]") ? `input[value="${CSS.escape(focus.value)}"]` : null;
    const ticked = [...old.querySelectorAll("input[type=checkbox]:checked")].map((box) => box.value);
    const open = [...old.querySelectorAll("details[open][id]")].map((menu) => menu.id);
    const written = [...old.querySelectorAll("input[type=text][id]")].filter((field) => field.value).map((field) => [field.id, field.value]);
    const top = old.scrollTop;
    swap();
    part.querySelectorAll("input[type=checkbox]").forEach((box) => { if (ticked.includes(box.value)) box.checked = true; });
    part.querySelectorAll("details[id]").forEach((menu) => { if (open.includes(menu.id)) menu.open = true; });
    written.forEach(([id, value]) => { const field = part.querySelector(`#${CSS.escape(id)}`); if (field) field.value = value; });
    if (top) part.scrollTop = top;
    if (key) (part.matches(key) ? part : part.querySelector(key))?.focus({ preventScroll: true });
  }

  htmx.defineExtension("live", {
    isInlineSwap: (style) => style === "live",
    handleSwap: (style, target, fragment) => {
      if (style !== "live") return false;
      const fresh = mergeAll(fragment);
      return fresh.length ? fresh : true;
    },
  });

  // ---- asking
  const isPoll = (element) => element instanceof Element && element.matches("[data-poll]");

  document.addEventListener("htmx:configRequest", (event) => {
    if (!isPoll(event.target)) return;
    const asked = event.detail.parameters;
    asked.seen = event.target.dataset.seen;
    const rows = document.querySelectorAll("#rows > tr[data-print]");
    if (rows.length) asked.have = [...rows].map((row) => row.dataset.print).join(",");
    const wall = document.getElementById("wall-frame"), card = document.querySelector("#page-card [data-page]");
    if (wall) asked.cells = wall.dataset.cells;
    if (card) asked.page = card.dataset.page;
  });

  // Nobody looks: nothing is asked but, now and then, whether the document is done, which watching.js tells. On return
  // the page catches up at once.
  const AWAY_MS = 5000;
  let asked = 0;
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (!isPoll(event.target) || !document.hidden) return;
    if (document.getElementById("watch") && Date.now() - asked >= AWAY_MS) asked = Date.now();
    else event.preventDefault();
  });
  document.addEventListener("visibilitychange", () => { if (!document.hidden) poke(); });

  function poke() {
    const poll = document.querySelector("[data-poll]");
    if (poll) htmx.trigger(poll, "poke");
  }
  document.addEventListener("live:poke", poke);

  // ---- a server that does not answer
  let missed = 0;
  const heard = (ok) => {
    missed = ok ? 0 : missed + 1;
    document.getElementById("offline").hidden = missed < 2;
  };
  document.addEventListener("htmx:sendError", (event) => { if (isPoll(event.target)) heard(false); });
  document.addEventListener("htmx:afterRequest", (event) => { if (isPoll(event.target) && event.detail.xhr?.status) heard(event.detail.xhr.status < 500); });
  // The document is gone: deleted here or elsewhere.
  document.addEventListener("htmx:responseError", (event) => { if (isPoll(event.target) && event.detail.xhr.status === 404) location.assign("/documents/"); });

  remembered(document);
  document.addEventListener("htmx:afterSwap", (event) => { if (event.detail.target?.id === "looked-at") { sent.clear(); remembered(document); } });
})();
