// Rows of conditions: what can be compared, and how a value is written, follows the attribute.
const WORDS = {
  "==": "is", "!=": "is not", "<": "is below", "<=": "is at most", ">": "is above",
  ">=": "is at least", in: "is one of", starts_with: "starts with", contains: "contains",
};
const MOST = 100;

function options(select, pairs, chosen) {
  select.replaceChildren(...pairs.map(([value, label]) => new Option(label, value, false, chosen.includes(value))));
}

export class Rows {
  constructor(box, kinds) {
    this.box = box;
    this.kinds = kinds;
    this.template = box.querySelector("template");
    this.adder = box.querySelector("[data-pw-add]");
    box.addEventListener("change", (event) => {
      const row = event.target.closest("[data-pw-row]");
      if (row && event.target.tagName === "SELECT") this.settle(row, event.target);
    });
    box.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (!button) return;
      if (button === this.adder) { event.preventDefault(); this.add(); }
      if ("pwDrop" in button.dataset) { event.preventDefault(); this.drop(button.closest("[data-pw-row]")); }
    });
  }

  rows() { return [...this.box.querySelectorAll("[data-pw-row]")]; }

  number(row) { return Number(/condition_(\d+)_/.exec(row.querySelector("select").name)[1]); }

  add() {
    const taken = new Set(this.rows().map((row) => this.number(row)));
    let free = 0;
    while (taken.has(free)) free += 1;
    if (free >= MOST) return;
    const holder = document.createElement("div");
    holder.append(this.template.content.cloneNode(true));
    for (const part of holder.querySelectorAll("[name], [id], [for]")) {
      for (const key of ["name", "id", "for"]) {
        if (part.hasAttribute(key)) part.setAttribute(key, part.getAttribute(key).replace("__n__", String(free)));
      }
    }
    const row = holder.firstElementChild;
    this.adder.before(row);
    row.querySelector("select").focus();
  }

  drop(row) {
    const next = row.nextElementSibling;
    row.remove();
    (next?.matches("[data-pw-row]") ? next.querySelector("select") : this.adder).focus();
    this.box.dispatchEvent(new Event("change", { bubbles: true }));
  }

  settle(row, changed) {
    const [attribute, op] = ["attribute", "op"].map((part) => row.querySelector(`.pw-row-${part} select`));
    const kind = this.kinds[attribute.value];
    if (changed === attribute) {
      const known = kind ? kind.ops : Object.keys(WORDS);
      const kept = known.includes(op.value) ? op.value : known[0];
      options(op, known.map((one) => [one, WORDS[one]]), [kept]);
    }
    this.write(row, kind, op.value);
  }

  // Writes the value anew in the way that suits; what was typed stays where it can.
  write(row, kind, op) {
    const cell = row.querySelector(".pw-row-value");
    const old = cell.querySelector("select, input");
    const held = old.tagName === "SELECT" ? [...old.selectedOptions].map((one) => one.value) : [old.value];
    const made = this.field(kind, op, held);
    made.name = old.name;
    made.id = old.id;
    old.replaceWith(made);
  }

  field(kind, op, held) {
    const choices = kind?.type === "bool" ? [["true", "Yes"], ["false", "No"]]
      : kind?.values && op !== "starts_with" ? kind.values.map((one) => [one, one]) : null;
    if (choices) {
      const made = document.createElement("select");
      if (op === "in") { made.multiple = true; made.size = Math.min(4, Math.max(2, choices.length)); }
      options(made, choices, held);
      return made;
    }
    const made = document.createElement("input");
    made.type = kind?.type === "long" ? "number" : "text";
    made.maxLength = 2000;
    if (kind && "min" in kind) { made.min = kind.min; made.max = kind.max; }
    made.value = held.join(", ");
    return made;
  }
}
