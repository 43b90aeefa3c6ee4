/**
 * The key pair of this device: made here, its private half cannot be read by anybody, not even by this page.
 *
 * It stays in the browser's database, so that a terminal is back by itself after a power cut; what the server knows is
 * the public half. A browser that keeps no database has a key until it is closed, and is then paired anew.
 */

const DATABASE = "yuanjian-terminal";
const STORE = "keys";
const KIND = { name: "ECDSA", namedCurve: "P-256" };
const SIGNING = { name: "ECDSA", hash: "SHA-256" };
const MESSAGE = "yuanjian terminal start\n";

let pair = null;

/** The public half as SPKI in base64; a pair is made where there is none. */
export async function publicKey() {
  pair ??= await stored();
  if (!pair) {
    pair = await crypto.subtle.generateKey(KIND, false, ["sign", "verify"]);
    await store(pair);
  }
  return base64(await crypto.subtle.exportKey("spki", pair.publicKey));
}

/** The signature of a start over what the server `asked`, in base64; `null` when this browser has no key. */
export async function sign(asked) {
  pair ??= await stored();
  if (!pair) return null;
  const message = new TextEncoder().encode(MESSAGE + asked);
  return base64(await crypto.subtle.sign(SIGNING, pair.privateKey, message));
}

async function stored() {
  return transact("readonly", (keys) => keys.get("pair")).catch(() => null);
}

async function store(made) {
  await transact("readwrite", (keys) => keys.put(made, "pair")).catch((error) =>
    console.warn("the key of this terminal lasts until the browser is closed", error),
  );
}

/** Run one request on the store; its result, or `null`. */
async function transact(mode, act) {
  const database = await answer(opening());
  try {
    return (await answer(act(database.transaction(STORE, mode).objectStore(STORE)))) ?? null;
  } finally {
    database.close();
  }
}

function opening() {
  const request = indexedDB.open(DATABASE, 1);
  request.onupgradeneeded = () => request.result.createObjectStore(STORE);
  return request;
}

function answer(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

function base64(buffer) {
  return btoa(String.fromCharCode(...new Uint8Array(buffer)));
}
