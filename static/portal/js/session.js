/* What the session is worth by now: the level in the header with its countdown, and a
 * way out when the session is over. Asking is no activity, so a page left open does not
 * keep a session alive. */
const pill = document.querySelector('[data-pw-assurance]');
const EVERY_MS = 10_000;
let state = null;
let ahead = 0;

const minutes = (seconds) => `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;

function show() {
  if (!state) return;
  const now = Math.round(Date.now() / 1000) + ahead;
  const level = pill.querySelector('[data-pw-level]');
  const left = pill.querySelector('[data-pw-left]');
  const elevated = state.elevated_until ? state.elevated_until - now : 0;
  const alive = Math.min(state.idle_until, state.expires_at) - now;
  level.textContent = elevated > 0 ? `${state.level}, elevated` : state.level;
  left.textContent = elevated > 0 ? minutes(elevated) : alive > 0 && alive < 300 ? minutes(alive) : '';
  pill.classList.toggle('pw-pill--ok', state.level_number >= 3);
  pill.classList.toggle('pw-pill--warn', state.level_number < 3 || alive < 300);
  pill.title = elevated > 0
    ? 'You confirmed that it is you: sensitive work is open for this long.'
    : `Signed in. Without activity this session ends in ${minutes(Math.max(alive, 0))}.`;
}

async function ask() {
  if (document.hidden) return;
  let answer;
  try {
    answer = await fetch(pill.dataset.state, {
      credentials: 'same-origin',
      headers: {Accept: 'application/json', 'X-Portward-Background': '1'},
    });
  } catch { return; /* The network is away; the next turn asks again. */ }
  if (answer.status === 401) {
    window.location.assign(`/admin/login/?next=${encodeURIComponent(window.location.pathname + window.location.search)}`);
    return;
  }
  if (!answer.ok) return;
  state = await answer.json();
  ahead = state.now - Math.round(Date.now() / 1000);
  show();
}

if (pill) {
  ask();
  setInterval(ask, EVERY_MS);
  setInterval(show, 1000);
  document.addEventListener('visibilitychange', ask);
}
