// Passkeys: signing in (also offered in the name field where the browser can), fresh proof, and adding one.

const HEADERS = { "Content-Type": "application/json", Accept: "application/json" };

async function ask(path, body = {}) {
  const response = await fetch(path, { method: "POST", headers: HEADERS, body: JSON.stringify(body) });
  const told = await response.json();
  if (!response.ok) throw Object.assign(new Error(told.text), { told: told.text, code: told.code });
  return told;
}

function bytes(text) {
  const plain = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
  return Uint8Array.from(plain, (letter) => letter.charCodeAt(0));
}

function text(buffer) {
  const plain = String.fromCharCode(...new Uint8Array(buffer));
  return btoa(plain).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

const described = (list = []) => list.map((one) => ({ ...one, id: bytes(one.id) }));

/** The browser's answer to `options` as JSON; `how` holds `mediation` and `signal`. */
async function signed(options, how = {}) {
  const publicKey = { ...options, challenge: bytes(options.challenge), allowCredentials: described(options.allowCredentials) };
  const made = await navigator.credentials.get({ publicKey, ...how });
  const { clientDataJSON, authenticatorData, signature, userHandle } = made.response;
  return packed(made, {
    clientDataJSON: text(clientDataJSON),
    authenticatorData: text(authenticatorData),
    signature: text(signature),
    userHandle: userHandle ? text(userHandle) : null,
  });
}

async function created(options) {
  const user = { ...options.user, id: bytes(options.user.id) };
  const excludeCredentials = described(options.excludeCredentials);
  const made = await navigator.credentials.create({
    publicKey: { ...options, user, excludeCredentials, challenge: bytes(options.challenge) },
  });
  const { clientDataJSON, attestationObject } = made.response;
  return packed(made, { clientDataJSON: text(clientDataJSON), attestationObject: text(attestationObject) });
}

function packed(made, response) {
  return JSON.stringify({ id: made.id, rawId: text(made.rawId), type: made.type, response });
}

/** Show why it failed; somebody who cancelled needs no words of ours but a way to try again. */
function failed(place, error) {
  const line = place.querySelector(".field__error[role=alert]");
  line.textContent = error.told || place.dataset.failed;
  line.hidden = false;
}

async function enter(place, how) {
  const { secret, options } = await ask("/signin/passkey/begin");
  const credential = await signed(options, how);
  const { next } = await ask("/signin/passkey", { secret, credential, next: place.dataset.next });
  location.assign(next);
}

/** Offer passkeys in the list of the name field, without a word until one is chosen. */
async function offer(place, signal) {
  if (!(await PublicKeyCredential.isConditionalMediationAvailable?.())) return;
  try {
    await enter(place, { mediation: "conditional", signal });
  } catch (error) {
    if (error.told && error.code !== "too-many") failed(place, error);
  }
}

function signIn(place) {
  let waiting = new AbortController();
  offer(place, waiting.signal);
  const button = place.querySelector("button");
  button.addEventListener("click", async () => {
    waiting.abort();
    waiting = new AbortController();
    button.disabled = true;
    try {
      await enter(place);
    } catch (error) {
      failed(place, error);
    }
    button.disabled = false;
  });
}

/** A form that the browser's answer is put into before it is sent. */
function fills(form, begin, answer, [secretField, credentialField]) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("button[type=submit]");
    button.disabled = true;
    try {
      const { secret, options } = await ask(begin);
      form.elements[credentialField].value = await answer(options);
      form.elements[secretField].value = secret;
      form.submit();
    } catch (error) {
      failed(form, error);
      button.disabled = false;
    }
  });
}

const place = document.querySelector("[data-passkey]");
if (place && window.PublicKeyCredential) {
  place.hidden = false;
  const or = document.getElementById("or");
  if (or) or.hidden = false;
  if (place.dataset.passkey === "signin") signIn(place);
  if (place.dataset.passkey === "confirm") {
    fills(place, "/confirm/passkey", signed, ["confirm_secret", "confirm_credential"]);
  }
  if (place.dataset.passkey === "add") fills(place, "/account/passkeys/begin", created, ["secret", "credential"]);
}
