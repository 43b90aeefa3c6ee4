/** Offers to answers over HTTP: WHIP (RFC 9725) and WHEP in the same way. */

const PATIENCE = 10_000;

/** The server did not answer an offer. `retry`: whether the same offer may succeed later. */
export class MediaRefused extends Error {
  constructor(status, code, text) {
    super(code);
    this.status = status;
    this.code = code;
    this.text = text;
    this.retry = status === 0 || status === 404 || status === 408 || status === 409 || status === 429 || status >= 500;
  }
}

/** POST `sdp` to `address`; resolves with `{answer, resource}` where `resource` is the address to DELETE later. */
export async function postOffer(address, sdp, token, signal) {
  const offer = { method: "POST", body: sdp, headers: headers(token, "application/sdp") };
  const response = await send(address, offer, signal);
  if (response.status !== 201) throw await refusal(response);
  const location = response.headers.get("Location");
  return { answer: await response.text(), resource: location ? new URL(location, response.url).href : null };
}

/** Tell the server that a resource is no longer used; silence if it is gone already. `last` survives the page. */
export function dropResource(resource, token, { last = false } = {}) {
  fetch(resource, { method: "DELETE", headers: headers(token), keepalive: last }).catch(() => {});
}

function headers(token, type) {
  const made = { Accept: "application/sdp, application/json" };
  if (type) made["Content-Type"] = type;
  if (token) made.Authorization = `Bearer ${token}`;
  return made;
}

async function send(address, options, signal) {
  const patience = new AbortController();
  const timer = setTimeout(() => patience.abort(), PATIENCE);
  signal?.addEventListener("abort", () => patience.abort(), { once: true });
  try {
    return await fetch(address, { ...options, signal: patience.signal, cache: "no-store" });
  } catch {
    throw new MediaRefused(0, "no-answer", "");
  } finally {
    clearTimeout(timer);
  }
}

async function refusal(response) {
  const body = await response.json().catch(() => ({}));
  return new MediaRefused(response.status, body.code || "refused", body.text || "");
}
