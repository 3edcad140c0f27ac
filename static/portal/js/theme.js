/* Classic script in <head>: the theme is set before the first paint. */
(() => {
  const root = document.documentElement;
  const system = window.matchMedia('(prefers-color-scheme: dark)');
  const stored = () => { try { return localStorage.getItem('portward-theme'); } catch { return null; } };
  const apply = () => { root.dataset.theme = stored() || (system.matches ? 'dark' : 'light'); };
  apply();
  system.addEventListener('change', apply);
  document.addEventListener('click', (event) => {
    const button = event.target.closest('[data-pw-theme]');
    if (!button) return;
    const next = root.dataset.theme === 'dark' ? 'light' : 'dark';
    try { localStorage.setItem('portward-theme', next); } catch { /* private windows forget */ }
    root.dataset.theme = next;
    button.setAttribute('aria-pressed', String(next === 'dark'));
  });
})();
