// The text of an expert: numbered lines, marked errors, and completion in a list that
// opens while one types or with Ctrl+Space. No library: a textarea stays a textarea.
const WORDS = [
  "permit", "forbid", "when", "unless", "principal", "action", "resource", "context", "in", "is", "has", "like",
  "if", "then", "else", "true", "false",
  "contains", "containsAll", "containsAny", "isEmpty", "ip", "isInRange", "isIpv4", "isIpv6", "isLoopback",
  "decimal", "datetime", "duration", "offset", "durationSince", "toDate", "toTime",
];
// What a request says besides the attributes that conditions are about.
const SAID = { ip: "ipaddr", geo: "position", node_groups: "strings", device: "record", now: "datetime", t: "clocks by zone" };
const CLOCK = { wd: "weekday, 1 is Monday", min: "minute of the day", ymd: "date as a number", prev: "weekday before" };
const TYPES = ["User", "Service", "Role", "Action", "ResourceGroup"];
const FINDERS = { Role: "principals", User: "principals", Service: "principals", Action: "actions" };
const DELAY = 120;
const MOST = 12;
const PLACE = /\[(\d+):(\d+)\+(\d+)\]/;

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

export class CedarText {
  constructor(field, kinds, places) {
    this.field = field;
    this.kinds = kinds;
    this.find = places.pwFind;
    const names = JSON.parse(places.pwNames || "{}");
    this.types = [...new Set([...TYPES, ...(names.types ?? [])])];
    this.zones = names.zones ?? [];
    const box = field.closest("[data-pw-expert]");
    this.lines = box.querySelector("[data-pw-lines]");
    this.marks = box.querySelector("[data-pw-marks]");
    this.places = [];
    this.choices = [];
    this.active = -1;
    this.turn = 0;
    this.list = element("ul", { class: "pw-options", role: "listbox", id: `${field.id}_options`, "aria-label": "Completions", hidden: "" });
    this.status = element("p", { class: "pw-visually-hidden", role: "status" });
    box.querySelector(".pw-cedar-box").after(this.list, this.status);
    for (const [key, value] of Object.entries({
      "aria-autocomplete": "list", "aria-controls": this.list.id, "aria-haspopup": "listbox",
    })) field.setAttribute(key, value);
    this.listen();
    this.draw();
  }

  listen() {
    this.field.addEventListener("input", () => {
      this.places = [];
      this.draw();
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.complete(false), DELAY);
    });
    this.field.addEventListener("scroll", () => this.follow());
    this.field.addEventListener("blur", () => this.close());
    this.field.addEventListener("keydown", (event) => this.press(event));
    new ResizeObserver(() => this.follow()).observe(this.field);
    this.list.addEventListener("mousedown", (event) => event.preventDefault());
    this.list.addEventListener("click", (event) => {
      const option = event.target.closest('[role="option"]');
      if (option) this.take([...this.list.children].indexOf(option));
    });
  }

  owns(field) { return field === this.field; }

  mark(problems) {
    this.places = problems.map((problem) => PLACE.exec(problem.place)).filter(Boolean)
      .map(([, line, column, length]) => ({ line: Number(line), column: Number(column), length: Number(length) }));
    this.field.setAttribute("aria-invalid", String(problems.some((problem) => problem.field === "cedar")));
    this.draw();
  }

  go(problem) {
    const place = PLACE.exec(problem.place);
    this.field.focus();
    if (!place) return;
    const start = this.offset(Number(place[1]), Number(place[2]));
    this.field.setSelectionRange(start, start + Number(place[3]));
  }

  offset(line, column) {
    const before = this.field.value.split("\n").slice(0, line - 1);
    return before.reduce((sum, text) => sum + text.length + 1, 0) + column - 1;
  }

  draw() {
    const text = this.field.value;
    const bad = new Set(this.places.map((place) => place.line));
    this.lines.replaceChildren(...text.split("\n").flatMap((_, n) => {
      const number = element("span", bad.has(n + 1) ? { class: "is-bad" } : {}, String(n + 1));
      return n ? ["\n", number] : [number];
    }));
    const parts = [];
    let done = 0;
    const spots = this.places.map((place) => [this.offset(place.line, place.column), place.length]).sort((a, b) => a[0] - b[0]);
    for (const [start, length] of spots) {
      if (start < done) continue;
      parts.push(text.slice(done, start), element("mark", {}, text.slice(start, start + length)));
      done = start + length;
    }
    this.marks.replaceChildren(...parts, text.slice(done));
    this.follow();
  }

  follow() {
    this.lines.style.height = `${this.field.clientHeight}px`;
    this.lines.scrollTop = this.field.scrollTop;
    this.marks.scrollTop = this.field.scrollTop;
    this.marks.scrollLeft = this.field.scrollLeft;
  }

  press(event) {
    if (event.key === " " && event.ctrlKey) {
      event.preventDefault();
      this.complete(true);
    } else if (!this.list.hidden && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      event.preventDefault();
      const step = event.key === "ArrowDown" ? 1 : -1;
      this.point((this.active + step + this.choices.length) % this.choices.length);
    } else if (!this.list.hidden && (event.key === "Enter" || event.key === "Tab") && this.active >= 0) {
      event.preventDefault();
      this.take(this.active);
    } else if (event.key === "Escape" && !this.list.hidden) {
      event.stopPropagation();
      this.close();
    }
  }

  // What stands before the cursor says what can follow it.
  async complete(isAsked) {
    const turn = ++this.turn;
    const before = this.field.value.slice(0, this.field.selectionStart);
    const entity = /([A-Za-z_]\w*)::"([^"\n]*)$/.exec(before);
    const value = /((?:principal|resource|context)(?:\.\w+)+)\s*(?:==|!=)\s*"([^"\n]*)$/.exec(before);
    const zone = /context\.t\["([^"\n]*)$/.exec(before);
    const clock = /context\.t\["[^"\n]*"\]\.(\w*)$/.exec(before);
    const type = /\bis\s+(\w*)$/.exec(before);
    const attribute = /(principal|resource|context)(?:\.|\s+has\s+)(\w*)$/.exec(before);
    const word = /([A-Za-z_]\w*)$/.exec(before)?.[1] ?? "";
    let found = [];
    if (entity) found = await this.entities(entity[1], entity[2]);
    else if (value) found = this.values(value[1].replace(/^context\./, ""), value[2]);
    else if (zone) found = this.beginning(this.zones, zone[1], "time zone", '"]');
    else if (clock) found = this.beginning(Object.keys(CLOCK), clock[1], "", "").map((one) => ({ ...one, note: CLOCK[one.text] }));
    else if (type) found = this.beginning(this.types, type[1], "type", "");
    else if (attribute) found = this.attributes(attribute[1], attribute[2]);
    else if (word || isAsked) found = this.words(word);
    if (turn !== this.turn || document.activeElement !== this.field) return;
    this.show(found.slice(0, MOST));
  }

  async entities(type, start) {
    const address = `${this.find.replace("resources", FINDERS[type] ?? "resources")}?q=${encodeURIComponent(start)}&type=${encodeURIComponent(type)}`;
    try {
      const answer = await fetch(address, { headers: { Accept: "application/json" } });
      if (!answer.ok) return [];
      const { choices } = await answer.json();
      const prefix = type === "Action" ? "" : `${type}::`;
      return choices.filter((choice) => choice.value.startsWith(prefix) && choice.value !== prefix)
        .map((choice) => ({ text: choice.value.slice(prefix.length), note: choice.label, start: start.length, after: '"' }));
    } catch {
      return [];
    }
  }

  attributes(variable, start) {
    const prefix = variable === "context" ? "" : `${variable}.`;
    const said = variable === "context" ? this.beginning(Object.keys(SAID), start, "", "").map((one) => ({ ...one, note: SAID[one.text] })) : [];
    return [...said, ...Object.keys(this.kinds)
      .filter((path) => (prefix ? path.startsWith(prefix) : !/^(principal|resource)\./.test(path)))
      .map((path) => path.slice(prefix.length)).filter((name) => name.startsWith(start) && name !== start)
      .map((text) => ({ text, note: this.kinds[prefix + text].type, start: start.length, after: "" }))];
  }

  // The only values that an attribute may have, where the registry names them.
  values(path, start) {
    return this.beginning(this.kinds[path]?.values ?? [], start, "value", '"');
  }

  beginning(names, start, note, after) {
    const low = start.toLowerCase();
    return names.filter((text) => text.toLowerCase().startsWith(low) && text !== start)
      .map((text) => ({ text, note, start: start.length, after }));
  }

  words(start) {
    const low = start.toLowerCase();
    const types = this.types.map((text) => ({ text, note: "type", start: start.length, after: "" }));
    const words = WORDS.map((text) => ({ text, note: "", start: start.length, after: "" }));
    return [...words, ...types].filter(({ text }) => text.toLowerCase().startsWith(low) && text !== start);
  }

  show(found) {
    this.choices = found;
    this.list.replaceChildren(...found.map((choice, n) => {
      const option = element("li", { role: "option", id: `${this.list.id}_${n}`, "aria-selected": "false" }, choice.text);
      if (choice.note) option.append(element("small", {}, choice.note));
      return option;
    }));
    this.list.hidden = !found.length;
    this.status.textContent = found.length ? `${found.length} completions` : "";
    this.point(found.length ? 0 : -1);
  }

  point(number) {
    this.active = number;
    [...this.list.children].forEach((option, n) => option.setAttribute("aria-selected", String(n === number)));
    const option = this.list.children[number];
    if (option) {
      this.field.setAttribute("aria-activedescendant", option.id);
      option.scrollIntoView({ block: "nearest" });
    } else this.field.removeAttribute("aria-activedescendant");
  }

  take(number) {
    const { text, start, after } = this.choices[number];
    const end = this.field.selectionStart;
    const next = this.field.value.startsWith(after, end) ? "" : after;
    this.field.setRangeText(text + next, end - start, end, "end");
    this.close();
    this.field.dispatchEvent(new Event("input", { bubbles: true }));
    clearTimeout(this.timer);
  }

  close() {
    this.turn += 1;
    clearTimeout(this.timer);
    this.list.hidden = true;
    this.choices = [];
    this.point(-1);
  }
}
