// Refresh a part of a page while somebody looks at it: <div data-pw-live="address">.
const EVERY = 2000;
const live = document.querySelector('[data-pw-live]');
const note = document.querySelector('[data-pw-live-note]');
const NOTE = note?.textContent ?? '';

async function refresh() {
  const answer = await fetch(live.dataset.pwLive, {
    credentials: 'same-origin', redirect: 'error', headers: { 'X-Portward-Background': '1' },
  });
  if (!answer.ok) throw new Error(String(answer.status));
  const text = await answer.text();
  // Keep what the reader opened or focused: replace only when something changed.
  if (live.contains(document.activeElement) && document.activeElement !== document.body) return;
  const isOpen = live.querySelector('details')?.open;
  live.replaceChildren(document.createRange().createContextualFragment(text));
  const details = live.querySelector('details');
  if (details && isOpen) details.open = true;
}

async function tick() {
  if (!document.hidden) {
    try {
      await refresh();
      if (note && note.textContent !== NOTE) note.textContent = NOTE;
    } catch {
      if (note) note.textContent = 'The portal does not answer; what you see may be old. Trying again.';
    }
  }
  setTimeout(tick, EVERY);
}

if (live) setTimeout(tick, EVERY);
