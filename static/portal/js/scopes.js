// Shows the part of a window's form that suits how it opens. Without this, all parts show.
const choices = document.querySelector("[data-pw-kinds]");

function show() {
  const chosen = choices.querySelector("input:checked");
  for (const part of document.querySelectorAll("[data-pw-kind]")) {
    part.hidden = Boolean(chosen) && part.dataset.pwKind !== chosen.value;
  }
}

if (choices) {
  choices.addEventListener("change", show);
  show();
}
