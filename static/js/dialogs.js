// Asks before what cannot be undone, closes menus, opens dialogs. Without it the server asks on a page of its own.
(() => {
  "use strict";
  const dialog = document.getElementById("confirm");

  // A button with data-confirm: its form is sent only after a yes, with confirmed=1. {n} says how many were chosen.
  document.addEventListener("submit", (event) => {
    const button = event.submitter, form = event.target;
    if (!button?.dataset.confirm || form.dataset.confirmed) { delete form.dataset.confirmed; return; }
    event.preventDefault();
    ask(button, () => {
      form.dataset.confirmed = "1";
      const yes = Object.assign(document.createElement("input"), { type: "hidden", name: "confirmed", value: "1" });
      form.append(yes);
      // A poll may have exchanged the button for its like while the question stood.
      form.requestSubmit(button.isConnected ? button : document.getElementById(button.id));
      yes.remove();
    });
  });

  function ask(button, then) {
    const chosen = document.querySelectorAll("#rows input:checked").length;
    const many = chosen === 1 ? "1 document" : `${chosen} documents`;
    dialog.querySelector("#confirm-title").textContent = button.dataset.confirm.replace("{n}", many);
    dialog.querySelector("#confirm-text").textContent = button.dataset.confirmText || "";
    dialog.querySelector("#confirm-yes").textContent = button.dataset.confirmYes || "Yes";
    dialog.returnValue = "";
    dialog.addEventListener("close", () => { if (dialog.returnValue === "yes") then(); else button.isConnected && button.focus(); }, { once: true });
    dialog.showModal();
  }

  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-opens]");
    if (opener) document.getElementById(opener.dataset.opens).showModal();
    if (event.target.matches("dialog")) event.target.close();
    document.querySelectorAll("details.menu[open]").forEach((menu) => {
      if (!menu.contains(event.target) || event.target.closest(".menu-list a, .menu-list button")) menu.open = false;
    });
  });

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const menu = document.querySelector("details.menu[open]");
    if (!menu) return;
    menu.open = false;
    menu.querySelector("summary").focus();
    event.stopImmediatePropagation();
  }, true);
})();
