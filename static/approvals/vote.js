// Runs the vote ceremony: the server names what is signed, the passkey signs it, the
// server checks it. Nothing here decides; a changed page can only make a vote fail.
import {askForSignature, post} from '../portal/js/passkeys.js';

const form = document.querySelector('[data-vote]');

function say(text, tone) {
  const status = form.querySelector('[data-vote-status]');
  status.textContent = '';
  if (!text) return;
  const box = document.createElement('div');
  box.className = `pw-alert pw-alert--${tone}`;
  box.textContent = text;
  status.append(box);
}

function explain(error) {
  if (error.name === 'NotAllowedError') {
    return 'The passkey was not used: cancelled or timed out. Nothing was recorded.';
  }
  return error.message || String(error);
}

async function vote(verdict) {
  const reason = form.elements.reason.value.trim();
  if (verdict === 'deny' && !reason) {
    form.elements.reason.focus();
    throw new Error('Say why you deny, so that the author can improve it.');
  }
  const options = await post(form.dataset.options, {verdict, reason});
  const credential = await askForSignature(options);
  return post(form.dataset.verify, {
    verdict, reason, ceremony: options.ceremony, credential,
  });
}

async function run(verdict) {
  const buttons = form.querySelectorAll('button');
  buttons.forEach((button) => { button.disabled = true; });
  say('Confirm with your passkey.', 'ok');
  try {
    const answer = await vote(verdict);
    window.location.assign(answer.next);
  } catch (error) {
    say(explain(error), 'bad');
    buttons.forEach((button) => { button.disabled = false; });
  }
}

form?.addEventListener('submit', (event) => {
  event.preventDefault();
  run(event.submitter?.value || 'approve');
});
