/**
 * One peer connection that is kept alive: the client offers, the server answers, nothing is renegotiated.
 *
 * Recovery from any trouble is a new connection and a new POST, which replaces the old resource; the other side does
 * not notice. A link is `idle`, `connecting`, `connected`, `waiting` (before the next try) or `closed`.
 */

import { delayBefore, pause } from "./backoff.js";
import { dropResource, postOffer } from "./exchange.js";
import { life, Pulse } from "./pulse.js";
import { prepareOpus } from "./sdp.js";

const BUNDLING = { bundlePolicy: "max-bundle", rtcpMuxPolicy: "require" };
const CONNECTS_WITHIN = 8000;
const MAY_BE_DISCONNECTED = 3500;
const LISTENS_EVERY = 1000;

export class MediaLink extends EventTarget {
  /**
   * `address()` and `token()` give what is valid now; `prepare(connection)` adds tracks or transceivers to a new
   * connection; `iceServers()` as for RTCPeerConnection.
   */
  constructor({ address, token, iceServers, prepare }) {
    super();
    Object.assign(this, { address, token, iceServers, prepare });
    this.state = "idle";
    this.connection = null;
    this.resource = null;
    this.attempt = 0;
    this.running = null;
  }

  /** Start, or start anew at once: after a reconnect of the relay, or with a new token. */
  open() {
    this.attempt = 0;
    this.#again(0);
  }

  /** Open only when the link is not up or on its way. */
  ensure() {
    if (this.state === "idle" || this.state === "closed" || this.state === "refused") this.open();
  }

  /** Try now rather than later: the network is back. */
  hurry() {
    if (
      this.state === "waiting" ||
      (this.state === "connecting" && this.connection?.connectionState === "disconnected")
    )
      this.open();
  }

  /** The credentials of `iceServers()` are new: for a connection that stands as well, whatever it still gathers. */
  renewServers() {
    if (!this.connection || this.connection.connectionState === "closed") return;
    this.connection.setConfiguration({ iceServers: this.iceServers(), ...BUNDLING });
  }

  /** Stop for good and tell the server; `last` when the page goes away. */
  close({ last = false } = {}) {
    this.running?.abort();
    this.running = null;
    if (this.resource) dropResource(this.resource, this.token(), { last });
    this.resource = null;
    this.#drop();
    this.#become("closed");
  }

  /** Statistics of the connection, or `null`. */
  async stats() {
    return this.connection ? this.connection.getStats() : null;
  }

  #again(wait) {
    this.running?.abort();
    const run = new AbortController();
    this.running = run;
    this.#attempt(run.signal, wait).catch((error) => this.#failed(run.signal, error));
  }

  async #attempt(signal, wait) {
    if (wait) {
      this.#become("waiting");
      await pause(wait, signal);
    }
    if (signal.aborted) return;
    this.#become("connecting");
    const connection = this.#build(signal);
    const sdp = await localOffer(connection);
    const { answer, resource } = await postOffer(this.address(), sdp, this.token(), signal);
    if (signal.aborted) return;
    this.resource = resource;
    await connection.setRemoteDescription({ type: "answer", sdp: answer });
    this.#listen(connection, signal);
    await pause(CONNECTS_WITHIN, signal);
    if (!signal.aborted && connection.connectionState !== "connected" && this.connection === connection) {
      throw new Error("not connected in time");
    }
  }

  /** Try anew when the connection stands but nothing comes over it any more, which the browser says much later. */
  async #listen(connection, signal) {
    const pulse = new Pulse();
    for (;;) {
      await pause(LISTENS_EVERY, signal);
      if (signal.aborted || connection.connectionState === "closed") return;
      if (connection.connectionState !== "connected") continue;
      const found = life((await connection.getStats()).values());
      if (!signal.aborted && pulse.deaf(found, performance.now())) return this.#retry();
    }
  }

  #build(signal) {
    const connection = new RTCPeerConnection({ iceServers: this.iceServers(), ...BUNDLING });
    const before = this.connection;
    this.connection = connection;
    this.prepare(connection);
    connection.addEventListener("connectionstatechange", () => this.#watch(connection, signal));
    connection.addEventListener("track", (event) => this.dispatchEvent(new CustomEvent("track", { detail: event })));
    before?.close();
    return connection;
  }

  #watch(connection, signal) {
    if (signal.aborted || connection !== this.connection) return;
    const now = connection.connectionState;
    if (now === "connected") {
      this.attempt = 0;
      this.#become("connected");
    } else if (now === "failed" || now === "closed") {
      this.#retry();
    } else if (now === "disconnected") {
      this.#become("connecting");
      setTimeout(
        () => connection === this.connection && connection.connectionState === "disconnected" && this.#retry(),
        MAY_BE_DISCONNECTED,
      );
    }
  }

  #failed(signal, error) {
    if (signal.aborted) return;
    if (error.retry === false) {
      this.#drop();
      this.#become("refused");
      return;
    }
    this.#retry();
  }

  #retry() {
    this.#again(delayBefore(this.attempt++));
  }

  #drop() {
    this.connection?.close();
    this.connection = null;
  }

  #become(state) {
    if (this.state === state) return;
    this.state = state;
    this.dispatchEvent(new CustomEvent("state", { detail: state }));
  }
}

/** Set and return the local offer; candidates are not waited for, the server is ICE-lite and learns ours by checks. */
export async function localOffer(connection) {
  const offer = await connection.createOffer();
  try {
    await connection.setLocalDescription({ type: "offer", sdp: prepareOpus(offer.sdp) });
  } catch {
    await connection.setLocalDescription(offer);
  }
  return connection.localDescription.sdp;
}
