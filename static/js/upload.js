// Files by drag and drop or by the dialog: a row each with its progress, three at a time, until it becomes a document.
(() => {
  "use strict";
  const form = document.getElementById("upload"), list = document.getElementById("uploads"), input = document.getElementById("files");
  if (!form) return;
  const AT_ONCE = 3;
  const waiting = [];
  let running = 0;

  // ---- taking files
  input.addEventListener("change", () => { add(input.files); input.value = ""; });
  form.addEventListener("submit", (event) => { event.preventDefault(); add(input.files); });

  let depth = 0; // of dragenter over dragleave, since every child sends its own
  const carriesFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  addEventListener("dragenter", (event) => { if (carriesFiles(event)) { depth++; document.body.dataset.dragging = ""; event.preventDefault(); } });
  addEventListener("dragover", (event) => { if (carriesFiles(event)) { event.preventDefault(); event.dataTransfer.dropEffect = "copy"; } });
  addEventListener("dragleave", (event) => { if (carriesFiles(event) && --depth <= 0) calm(); });
  addEventListener("drop", (event) => { if (!carriesFiles(event)) return; event.preventDefault(); calm(); add(event.dataTransfer.files); });
  function calm() { depth = 0; delete document.body.dataset.dragging; }

  function add(files) {
    const options = new FormData(form);
    options.delete("file");
    for (const file of files) start(new Upload(file, options));
  }

  function start(upload) {
    const limit = Number(form.dataset.maxBytes);
    if (upload.file.size > limit) return upload.refuse(`The file is larger than ${form.dataset.maxWords}, the most one may be.`);
    if (!upload.file.size) return upload.refuse("The file is empty, or it is a folder.");
    waiting.push(upload);
    next();
  }
  function next() {
    while (running < AT_ONCE && waiting.length) { running++; waiting.shift().send(); }
  }

  // ---- one file on its way
  class Upload {
    constructor(file, options) {
      this.file = file;
      this.options = options;
      this.row = make("li", { className: "upload" });
      this.bar = make("progress", { max: 100, value: 0 });
      this.bar.setAttribute("aria-label", `Upload of ${file.name}`);
      this.said = make("div", { className: "upload-said", textContent: "Waiting for its turn" });
      this.said.setAttribute("aria-live", "off"); // a percentage is looked at, not read out; what is refused is said
      this.button = make("button", { type: "button", className: "button dense bare", textContent: "Cancel" });
      this.button.setAttribute("aria-label", `Cancel ${file.name}`);
      this.button.addEventListener("click", () => this.stop());
      this.row.append(make("div", { className: "upload-name", textContent: file.name }), this.button, this.said, this.bar);
      list.append(this.row);
    }

    send(password) {
      const body = new FormData();
      for (const [name, value] of this.options) body.append(name, value);
      if (password) body.set("password", password);
      body.append("file", this.file, this.file.name);
      const xhr = (this.xhr = new XMLHttpRequest());
      xhr.open("POST", form.action);
      xhr.setRequestHeader("HX-Request", "true");
      xhr.upload.addEventListener("progress", (event) => this.progress(event));
      xhr.addEventListener("load", () => this.answered(xhr));
      xhr.addEventListener("error", () => this.broken());
      xhr.addEventListener("loadend", () => { this.xhr = null; running--; next(); });
      this.row.dataset.state = "uploading";
      xhr.send(body);
    }

    progress({ loaded, total }) {
      const percent = total ? Math.floor((loaded / total) * 100) : 0;
      this.bar.value = percent;
      this.said.textContent = percent < 100 ? `${percent} % of ${size(this.file.size)}` : "Looking into the file…";
      if (percent >= 100) this.bar.removeAttribute("value");
    }

    answered(xhr) {
      if (xhr.responseURL && new URL(xhr.responseURL).pathname !== new URL(form.action).pathname) return location.reload(); // signed out meanwhile
      const piece = parse(xhr.responseText);
      const row = piece.querySelector("tr[data-print]");
      if (xhr.status === 200 && row) return this.become(row);
      const said = piece.querySelector("[data-earlier], [data-refused]");
      if (said) return this.show(said);
      this.broken(xhr.status === 413 ? "The file is larger than this site takes." : "Something broke on our side while taking the file.");
    }

    become(row) {
      const body = document.getElementById("rows");
      if (body) { document.getElementById(row.id)?.remove(); body.prepend(row); htmx.process(row); }
      const focused = this.row.contains(document.activeElement);
      this.row.remove();
      if (focused) row.querySelector("a")?.focus();
      document.dispatchEvent(new CustomEvent("live:poke"));
    }

    show(said) {
      this.row.dataset.state = said.hasAttribute("data-earlier") ? "earlier" : "refused";
      this.said.replaceWith(said);
      this.said = said;
      this.dismissable();
      const ask = said.querySelector("[data-password]");
      ask?.addEventListener("submit", (event) => {
        event.preventDefault();
        this.again(new FormData(ask).get("password"));
      });
      ask?.querySelector("input").focus();
    }

    refuse(sentence) {
      const said = make("div", { className: "refusal" });
      said.append(make("p", { textContent: sentence }));
      this.show(said);
    }

    broken(sentence = "The connection broke before the file was here.") {
      this.refuse(sentence);
      const again = make("button", { type: "button", className: "button dense", textContent: "Try again" });
      again.addEventListener("click", () => this.again());
      const choices = make("div", { className: "refusal-choices" });
      choices.append(again);
      this.said.append(choices);
    }

    again(password) {
      const said = make("div", { className: "upload-said", textContent: "Waiting for its turn" });
      this.said.replaceWith(said);
      this.said = said;
      this.bar.value = 0;
      this.button.textContent = "Cancel";
      if (password) this.options.set("password", password);
      start(this);
    }

    dismissable() {
      this.button.textContent = "Dismiss";
      this.button.setAttribute("aria-label", `Dismiss ${this.file.name}`);
    }

    stop() {
      const place = waiting.indexOf(this);
      if (place >= 0) waiting.splice(place, 1);
      this.xhr?.abort();
      this.row.remove();
    }
  }

  function make(tag, properties) { return Object.assign(document.createElement(tag), properties); }
  function parse(html) { const frame = document.createElement("template"); frame.innerHTML = html; return frame.content; }
  function size(bytes) { return bytes < 1e6 ? `${Math.max(1, Math.round(bytes / 1e3))} kB` : `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`; }

  // ---- the line that says what the options are
  const options = document.getElementById("options"), said = document.getElementById("options-said");
  function tell() {
    const of = (name) => form.elements[name];
    const priority = { low: "Low priority", normal: "Normal priority", high: "Urgent" }[of("priority").value];
    const mode = { markdown: "read as Markdown", text: "read as plain text", figure: "figures described", custom: "read by your own instruction" }[of("mode").value];
    const more = [of("pages").value && `pages ${of("pages").value}`, of("language").value, of("dpi").value && `${of("dpi").value} dpi`, of("purpose").value === "development" && "a test", of("sla").checked && "promised", of("password").value && "with a password"];
    form.dataset.mode = of("mode").value;
    said.textContent = [priority, mode, ...more.filter(Boolean)].join(", ") + ".";
  }
  form.addEventListener("input", tell);
  document.querySelector("label[for=options-open]").addEventListener("click", (event) => {
    event.preventDefault();
    options.open = !options.open;
    if (options.open) options.querySelector("select, input").focus();
  });
  tell();
})();
