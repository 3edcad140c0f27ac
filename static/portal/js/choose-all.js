// One box at the head of a table chooses all boxes of a name in its form.
for (const head of document.querySelectorAll("[data-pw-choose-all]")) {
  const boxes = () =>
    [...head.form.elements].filter(
      (box) => box.name === head.dataset.pwChooseAll && !box.disabled,
    );
  head.addEventListener("change", () => {
    for (const box of boxes()) box.checked = head.checked;
  });
  head.form.addEventListener("change", () => {
    const chosen = boxes().filter((box) => box.checked).length;
    head.checked = chosen > 0 && chosen === boxes().length;
    head.indeterminate = chosen > 0 && chosen < boxes().length;
  });
}
