// A field in which one finds things while typing; what is chosen is shown as chips.
// Without this, the same things are boxes to tick (WAI-ARIA 1.2, combobox with list).
const DELAY = 150;

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

export class Picker {
  constructor(box) {
    this.box = box;
    this.name = box.dataset.pwPick;
    this.chips = box.querySelector("[data-pw-chips]");
    this.input = box.querySelector("[data-pw-sought]");
    this.active = -1;
    this.asked = 0;
    this.list = element("ul", { class: "pw-options", role: "listbox", id: `${this.input.id}_options`, hidden: "" });
    this.list.setAttribute("aria-label", "Found");
    this.status = element("p", { class: "pw-visually-hidden", role: "status" });
    this.box.append(this.list, this.status);
    this.input.removeAttribute("name");
    for (const [key, value] of Object.entries({
      role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": this.list.id,
    })) this.input.setAttribute(key, value);
    for (const chip of this.chips.children) this.dress(chip);
    this.listen();
  }

  listen() {
    this.input.addEventListener("input", (event) => {
      event.stopPropagation();
      clearTimeout(this.timer);
      // What is shown, and what is on its way, answers what was typed before.
      this.asked += 1;
      this.point(-1);
      this.timer = setTimeout(() => this.find(), DELAY);
    });
    this.input.addEventListener("change", (event) => event.stopPropagation());
    this.input.addEventListener("focus", () => this.find());
    this.input.addEventListener("blur", () => this.close());
    this.input.addEventListener("keydown", (event) => this.press(event));
    // A press on an option must not take the focus away before it counts.
    this.list.addEventListener("mousedown", (event) => event.preventDefault());
    this.list.addEventListener("click", (event) => {
      const option = event.target.closest('[role="option"]');
      if (option) this.choose(option);
    });
  }

  press(event) {
    const options = this.options();
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (this.list.hidden) this.find();
      else if (options.length) {
        const step = event.key === "ArrowDown" ? 1 : -1;
        this.point((this.active + step + options.length) % options.length);
      }
    } else if (event.key === "Enter") {
      event.preventDefault();
      if (!this.list.hidden && options[this.active]) this.choose(options[this.active]);
      else if (this.input.value) this.takeFirst();
    } else if (event.key === "Escape" && !this.list.hidden) {
      event.stopPropagation();
      this.close();
    } else if (event.key === "Backspace" && !this.input.value) {
      this.chips.querySelector("li:last-child button")?.focus();
    }
  }

  // Enter pressed faster than the portal answers takes what it finds first.
  async takeFirst() {
    clearTimeout(this.timer);
    await this.find();
    const first = this.options()[0];
    if (first && !this.list.hidden) this.choose(first);
  }

  async find() {
    const turn = ++this.asked;
    const address = `${this.box.dataset.pwFind}?q=${encodeURIComponent(this.input.value)}`;
    let choices;
    try {
      const answer = await fetch(address, { headers: { Accept: "application/json" } });
      if (!answer.ok) throw new Error(String(answer.status));
      ({ choices } = await answer.json());
    } catch {
      if (turn === this.asked) this.status.textContent = "Nothing can be found right now.";
      return;
    }
    if (turn === this.asked && document.activeElement === this.input) this.show(choices);
  }

  show(choices) {
    const chosen = new Set(this.values());
    const found = choices.filter((choice) => !chosen.has(choice.value));
    this.list.replaceChildren(...found.map((choice, n) => {
      const option = element("li", { role: "option", id: `${this.list.id}_${n}`, "aria-selected": "false" }, choice.label);
      if (choice.note) option.append(element("small", {}, choice.note));
      option.choice = choice;
      return option;
    }));
    if (!found.length) this.list.append(element("li", { class: "pw-muted", role: "presentation" }, "Nothing else found"));
    this.list.hidden = false;
    this.input.setAttribute("aria-expanded", "true");
    this.point(found.length && this.input.value ? 0 : -1);
    this.status.textContent = `${found.length} found`;
  }

  options() { return [...this.list.querySelectorAll('[role="option"]')]; }

  point(number) {
    this.active = number;
    this.options().forEach((option, n) => option.setAttribute("aria-selected", String(n === number)));
    const option = this.options()[number];
    if (option) {
      this.input.setAttribute("aria-activedescendant", option.id);
      option.scrollIntoView({ block: "nearest" });
    } else this.input.removeAttribute("aria-activedescendant");
  }

  values() { return [...this.chips.querySelectorAll("input")].map((box) => box.value); }

  choose(option) {
    const { value, label, note } = option.choice;
    const box = element("input", { type: "checkbox", name: this.name, value, checked: "" });
    const words = element("label", {}, box, " ", element("span", {}, label));
    if (note) words.append(" ", element("small", {}, note));
    const chip = element("li", { class: "pw-chip" }, words);
    this.chips.append(chip);
    this.dress(chip);
    this.input.value = "";
    this.close();
    this.status.textContent = `${label} added`;
    this.tell();
  }

  dress(chip) {
    const box = chip.querySelector("input");
    const label = chip.querySelector("span").textContent;
    box.hidden = true;
    box.checked = true;
    if (box.form?.querySelector("[data-pw-read-only]")) return;
    const button = element("button", { type: "button", "aria-label": `Remove ${label}` }, "×");
    button.addEventListener("click", () => {
      chip.remove();
      this.status.textContent = `${label} removed`;
      this.input.focus();
      this.tell();
    });
    chip.append(button);
  }

  close() {
    this.asked += 1;
    clearTimeout(this.timer);
    this.list.hidden = true;
    this.input.setAttribute("aria-expanded", "false");
    this.point(-1);
  }

  tell() { this.box.dispatchEvent(new Event("change", { bubbles: true })); }
}
