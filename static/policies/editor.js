// The editor of a policy: its parts, and what the portal says of it while one types.
import { Picker } from "./picker.js";
import { Rows } from "./rows.js";
import { CedarText } from "./cedar.js";

const DELAY = 200;
const box = document.querySelector("[data-pw-editor]");
const says = document.querySelector(".pw-says");
const TAGS = { name: "b", detail: "span" };

class Live {
  constructor(form, cedar) {
    this.form = form;
    this.cedar = cedar;
    this.asked = 0;
    for (const kind of ["input", "change"]) form.addEventListener(kind, () => this.soon());
  }

  soon() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.ask(), DELAY);
  }

  async ask() {
    const turn = ++this.asked;
    this.abort?.abort();
    this.abort = new AbortController();
    const data = new FormData(this.form);
    data.delete("base");
    if (box.dataset.pwSlug) data.set("slug", box.dataset.pwSlug);
    says.classList.add("is-stale");
    try {
      const answer = await fetch(box.dataset.pwPreview, { method: "POST", body: data, signal: this.abort.signal });
      if (!answer.ok) throw new Error(String(answer.status));
      const found = await answer.json();
      if (turn === this.asked) this.show(found);
    } catch (error) {
      if (error.name !== "AbortError") this.note("The preview is not available right now; saving still checks everything.");
    }
  }

  show(found) {
    says.classList.remove("is-stale");
    if (found.spans.length) {
      document.getElementById("pw-sentence").replaceChildren(...found.spans.map((span) => {
        const part = document.createElement(TAGS[span.kind] ?? "span");
        if (span.kind === "detail") part.className = "pw-muted";
        part.textContent = span.text;
        return part;
      }));
    }
    const pre = document.getElementById("pw-cedar");
    pre.classList.toggle("is-stale", !found.cedar);
    if (found.cedar) pre.textContent = found.cedar;
    const count = found.statements;
    this.note(found.cedar
      ? `${count} statement${count === 1 ? "" : "s"}, as nodes will evaluate ${count === 1 ? "it" : "them"}.`
      : "Cedar follows as soon as what is named above is mended.");
    this.list(found.problems);
    this.cedar?.mark(found.problems);
  }

  note(text) { document.getElementById("pw-cedar-note").textContent = text; }

  list(problems) {
    const place = document.getElementById("pw-problems");
    place.hidden = !problems.length;
    const head = document.createElement("h3");
    head.textContent = problems.length === 1 ? "One thing to mend" : `${problems.length} things to mend`;
    const list = document.createElement("ul");
    for (const problem of problems) {
      const item = document.createElement("li");
      const field = problem.field && document.getElementById(`id_${problem.field}`);
      if (field) {
        const button = document.createElement("button");
        button.type = "button";
        button.textContent = problem.message;
        button.addEventListener("click", () => (this.cedar?.owns(field) ? this.cedar.go(problem) : field.focus()));
        item.append(button);
      } else item.textContent = problem.message;
      list.append(item);
    }
    place.replaceChildren(head, list);
  }
}

if (box) {
  const form = box.closest("form");
  const kinds = JSON.parse(box.dataset.pwAttributes);
  document.documentElement.classList.add("pw-with-js");
  for (const pick of box.querySelectorAll("[data-pw-pick]")) new Picker(pick);
  const rows = box.querySelector("[data-pw-rows]");
  if (rows) new Rows(rows, kinds);
  const text = box.querySelector("textarea[name=cedar]");
  const live = new Live(form, text ? new CedarText(text, kinds, box.dataset) : null);
  if (text) live.soon();
}
