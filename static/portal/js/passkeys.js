/* Between the browser's authenticator and the portal.
 *
 * Elements:
 *   [data-passkey-login]      sign-in form; data-options, data-verify, data-next
 *   [data-passkey-register]   registration form; data-options, data-verify, data-token
 *   [data-passkey-sign]       any form whose submit needs a signature; data-options is
 *                             POSTed the form's fields and answers {ceremony, publicKey};
 *                             the form is then submitted with the hidden fields
 *                             `ceremony` and `credential` (JSON) filled in
 */
const WORDS = {
  NotAllowedError: 'Your authenticator did not answer, or you dismissed it.',
  InvalidStateError: 'This authenticator holds a passkey for this account already.',
  SecurityError: 'Open the portal by its proper address; passkeys do not work here.',
  NotSupportedError: 'This authenticator cannot make the kind of key that is needed.',
};

/* Confirms an operation that the portal asked a proof for, and returns its number. */
async function confirmOperation(address) {
  const options = await post(`${address}options/`, {}, 'none');
  const credential = await askForSignature(options);
  const answer = await post(`${address}verify/`, {ceremony: options.ceremony, credential}, 'none');
  return answer.operation;
}

export async function post(url, body, proof = '') {
  const token = document.querySelector('input[name=csrfmiddlewaretoken]').value;
  const isForm = body instanceof FormData;
  const headers = {'X-CSRFToken': token, Accept: 'application/json'};
  if (!isForm) headers['Content-Type'] = 'application/json';
  if (proof && proof !== 'none') headers['X-Portward-Operation'] = proof;
  const answer = await fetch(url, {
    method: 'POST', credentials: 'same-origin', headers,
    body: isForm ? body : JSON.stringify(body),
  });
  let content = {};
  try { content = await answer.json(); } catch { /* an error page is not JSON */ }
  if (answer.status === 401 && content.confirm && !proof) {
    return post(url, body, await confirmOperation(content.confirm));
  }
  if (!answer.ok) {
    const words = [content.message || content.detail || `The portal answered ${answer.status}.`, content.remedy];
    throw new Error(words.filter(Boolean).join(' '));
  }
  return content;
}

const explain = (error) => WORDS[error.name] || error.message || String(error);

function say(form, text, kind) {
  const status = form.querySelector('[data-passkey-status]');
  if (!status) return;
  status.textContent = '';
  if (!text) return;
  const box = document.createElement('div');
  box.className = `pw-alert pw-alert--${kind}`;
  box.textContent = text;
  status.append(box);
}

async function guarded(form, work) {
  const button = form.querySelector('button[type=submit]');
  if (button) button.disabled = true;
  say(form, '', '');
  try {
    await work();
  } catch (error) {
    say(form, explain(error), 'bad');
    if (button) button.disabled = false;
  }
}

export async function askForSignature(options, extra = {}) {
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options.publicKey);
  const credential = await navigator.credentials.get({publicKey, ...extra});
  return credential.toJSON();
}

/* Two answers of one key in flight could arrive in the wrong order, which looks like a
 * copied key. So the first answer, from autofill or from the button, is the only one. */
let answered = false;

async function signIn(form, extra = {}) {
  const options = await post(form.dataset.options, {});
  const credential = await askForSignature(options, extra);
  if (answered) return;
  answered = true;
  try {
    const answer = await post(form.dataset.verify, {
      ceremony: options.ceremony, credential, next: form.dataset.next,
    });
    window.location.assign(answer.next);
  } catch (error) {
    answered = false;
    throw error;
  }
}

async function offerAutofill(form) {
  const available = await PublicKeyCredential.isConditionalMediationAvailable?.();
  if (!available) return null;
  const controller = new AbortController();
  signIn(form, {mediation: 'conditional', signal: controller.signal}).catch((error) => {
    if (error.name !== 'AbortError') say(form, explain(error), 'bad');
  });
  return controller;
}

async function register(form) {
  const token = form.dataset.token || '';
  const options = await post(form.dataset.options, {token});
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options.publicKey);
  const credential = (await navigator.credentials.create({publicKey})).toJSON();
  const name = form.querySelector('input[name=name]')?.value || '';
  const answer = await post(form.dataset.verify, {ceremony: options.ceremony, credential, name, token});
  window.location.assign(answer.next);
}

async function sign(form, submitter) {
  const fields = new FormData(form, submitter);
  const options = await post(form.dataset.options, fields);
  const credential = await askForSignature(options);
  put(form, 'ceremony', options.ceremony);
  put(form, 'credential', JSON.stringify(credential));
  if (submitter?.name) put(form, submitter.name, submitter.value);
  form.submit();
}

function put(form, name, value) {
  let field = form.querySelector(`input[type=hidden][name="${name}"]`);
  if (!field) {
    field = document.createElement('input');
    field.type = 'hidden';
    field.name = name;
    form.append(field);
  }
  field.value = value;
}

function attach() {
  const works = typeof PublicKeyCredential !== 'undefined'
    && typeof PublicKeyCredential.parseRequestOptionsFromJSON === 'function';
  for (const form of document.querySelectorAll('[data-passkey-login], [data-passkey-register], [data-passkey-sign]')) {
    if (!works) {
      form.addEventListener('submit', (event) => event.preventDefault());
      say(form, 'This browser cannot use passkeys. Use a current version of Chrome, Edge, Firefox or Safari.', 'bad');
      continue;
    }
    if ('passkeyLogin' in form.dataset) {
      const autofill = offerAutofill(form);
      form.addEventListener('submit', (event) => {
        event.preventDefault();
        if (answered) return;
        guarded(form, async () => { (await autofill)?.abort(); await signIn(form); });
      });
    } else if ('passkeyRegister' in form.dataset) {
      form.addEventListener('submit', (event) => {
        event.preventDefault();
        guarded(form, () => register(form));
      });
    } else {
      form.addEventListener('submit', (event) => {
        event.preventDefault();
        guarded(form, () => sign(form, event.submitter));
      });
    }
  }
}

attach();
