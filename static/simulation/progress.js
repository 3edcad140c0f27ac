// Refresh how far the computation is, and show the result once it is there.
const EVERY = 1000;
const place = document.querySelector('[data-pw-progress]');

// What somebody has written must not be lost to a new page.
function isWriting() {
  return [...document.querySelectorAll('textarea, input[type="text"]')]
    .some((field) => field.value !== field.defaultValue);
}

function show() {
  if (!isWriting()) {
    location.reload();
    return;
  }
  place.replaceChildren('It is there. Load the page again to see it; what you have written here is lost then.');
}

async function tick() {
  if (!document.hidden) {
    try {
      const answer = await fetch(place.dataset.pwProgress, {
        credentials: 'same-origin', redirect: 'error', headers: { 'X-Portward-Background': '1' },
      });
      if (answer.ok) {
        const text = await answer.text();
        place.replaceChildren(document.createRange().createContextualFragment(text));
        if (place.querySelector('progress')?.dataset.over === 'true') {
          show();
          return;
        }
      }
    } catch {
      // The portal is away for a moment; the next look will tell.
    }
  }
  setTimeout(tick, EVERY);
}

if (place) setTimeout(tick, EVERY);
