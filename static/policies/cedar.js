export class CedarText {
  constructor(field) { this.field = field; }
  owns(field) { return field === this.field; }
  mark() {}
  go() { this.field.focus(); }
}
