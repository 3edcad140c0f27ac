/* The frame: the rail on small screens, menus that close, copy buttons. */
const rail = document.getElementById('pw-rail');
const opener = document.querySelector('[data-pw-rail]');

function setRail(open) {
  rail.classList.toggle('is-open', open);
  opener.setAttribute('aria-expanded', String(open));
  document.querySelector('.pw-scrim')?.remove();
  if (!open) return;
  const scrim = document.createElement('div');
  scrim.className = 'pw-scrim';
  scrim.addEventListener('click', () => setRail(false));
  document.body.append(scrim);
  rail.querySelector('a')?.focus();
}

opener?.addEventListener('click', () => setRail(!rail.classList.contains('is-open')));

document.addEventListener('keydown', (event) => {
  if (event.key === 'Escape') {
    if (rail?.classList.contains('is-open')) { setRail(false); opener.focus(); }
    for (const menu of document.querySelectorAll('details.pw-menu[open]')) {
      menu.open = false;
      menu.querySelector('summary').focus();
    }
  }
  if (event.key === '/' && !event.target.closest('input, textarea, select, [contenteditable]')) {
    const search = document.getElementById('pw-search');
    if (search) { event.preventDefault(); search.focus(); }
  }
});

document.addEventListener('click', (event) => {
  for (const menu of document.querySelectorAll('details.pw-menu[open]')) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

for (const button of document.querySelectorAll('[data-pw-copy]')) {
  button.addEventListener('click', async () => {
    const field = document.getElementById(button.dataset.pwCopy);
    field.select();
    try {
      await navigator.clipboard.writeText(field.value);
      button.textContent = 'Copied';
    } catch {
      button.textContent = 'Press Ctrl+C';
    }
  });
}

// Parts of a page are rendered anew, so the document listens and not each form.
document.addEventListener('submit', (event) => {
  const words = event.target.dataset.pwConfirm;
  if (words && !window.confirm(words)) event.preventDefault();
});

for (const button of document.querySelectorAll('[data-pw-print]')) {
  button.addEventListener('click', () => window.print());
}
