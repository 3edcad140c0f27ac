/* Elevated access on every page: countdowns, the warning at 80 %, and parts of a page
 * that the server renders anew as soon as something changed. Asking is no activity. */
const TICK_MS = 1000;
let asked = new WeakMap();

const clock = (seconds) => {
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const padded = String(s).padStart(2, '0');
  return h ? `${h}:${String(m).padStart(2, '0')}:${padded}` : `${m}:${padded}`;
};

/* What the server's clock is ahead of this one, by the newest part of the page. */
function aheadOf(field) {
  if (field.dataset.ahead === undefined) {
    field.dataset.ahead = String(Date.parse(field.dataset.now) - Date.now());
  }
  return Number(field.dataset.ahead);
}

/* Return true as soon as a clock has run out. */
function showClock(field) {
  const now = Date.now() + aheadOf(field);
  const ends = Date.parse(field.dataset.ends);
  const starts = field.dataset.starts ? Date.parse(field.dataset.starts) : now;
  const warns = field.dataset.warns ? Date.parse(field.dataset.warns) : Infinity;
  const goal = starts > now ? starts : ends;
  const left = Math.max(0, Math.ceil((goal - now) / 1000));
  const words = starts > now ? `begins in ${clock(left)}` : left ? `${clock(left)} ${field.dataset.words}` : 'over';
  if (field.textContent !== words) field.textContent = words;
  const around = field.closest('[data-pw-clocked]');
  const isEnding = now >= warns && left > 0;
  around?.classList.toggle('is-ending', isEnding);
  around?.querySelectorAll('[data-pw-ending]').forEach((part) => { part.hidden = !isEnding; });
  return left === 0;
}

async function refresh(part) {
  asked.set(part, Date.now());
  const answer = await fetch(part.dataset.pwLive, {
    credentials: 'same-origin', redirect: 'error', headers: {'X-Portward-Background': '1'},
  });
  if (!answer.ok) return;
  const fresh = document.createRange().createContextualFragment(await answer.text());
  const [was, is] = [part.firstElementChild, fresh.firstElementChild];
  if (!is || was?.dataset.version === is.dataset.version) return;
  const hadFocus = part.contains(document.activeElement);
  part.replaceChildren(fresh);
  if (hadFocus) part.querySelector('a, button')?.focus();
  part.querySelectorAll('[data-pw-clock]').forEach(showClock);
}

async function ask(part) {
  try {
    await refresh(part);
  } catch { /* The network is away; the next turn asks again. */ }
}

function tick() {
  let isOver = false;
  for (const field of document.querySelectorAll('[data-pw-clock]')) {
    isOver = showClock(field) || isOver;
  }
  if (document.hidden) return;
  for (const part of document.querySelectorAll('[data-pw-live]')) {
    const every = isOver ? 1 : Number(part.dataset.every || 10);
    if (Date.now() - (asked.get(part) ?? 0) >= every * 1000) ask(part);
  }
}

for (const part of document.querySelectorAll('[data-pw-live]')) asked.set(part, Date.now());
if (document.querySelector('[data-pw-live]')) {
  tick();
  setInterval(tick, TICK_MS);
  document.addEventListener('visibilitychange', tick);
}
