/**
 * The room's WebSocket: ticket → hello → welcome → views; comes back by itself as the same endpoint.
 *
 * Events: `welcome`, `view`, `message` (every other message of the server), and `state` (`{state, code, text}`):
 * `connecting`, `open`, `lost` (trying again), `offline` (the device has no network), and for good: `replaced`,
 * `refused`, `ended`, `left`.
 */

import { delayBefore } from "./backoff.js";
import { setServerTime } from "./clock.js";
import { CLOSE, FROM_ENDPOINT, VERSION } from "./protocol.js";
import { Memory } from "./storage.js";
import { t } from "./texts.js";

const PING = 4000;
const SILENCE = 10_000;
const PROBE = 2500;
const LONGEST_WAIT = 3000;
const FOR_GOOD = new Set(["replaced", "refused", "ended", "left"]);
const TICKET_AGAIN = new Set(["ticket-used", "ticket-expired", "ticket-unknown", "ticket-foreign"]);
const TICKETS = 3;

export class Connection extends EventTarget {
  /** `asKind`: as which of this browser's identities the ticket is asked for (`account`, `guest`, `terminal`). */
  constructor(session, { asKind = "", memory = new Memory(`resume.${session}.${asKind}`, "sessionStorage") } = {}) {
    super();
    Object.assign(this, { session, memory, asKind, agent: navigator.userAgent });
    this.state = "idle";
    this.attempt = 0;
    this.socket = null;
    this.welcome = null;
    this.refusal = null;
    this.unsent = [];
    this.timers = new Set();
    addEventListener("offline", () => this.#networkGone());
    addEventListener("online", () => this.#soon());
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && this.#soon());
    navigator.connection?.addEventListener?.("change", () => this.#soon());
  }

  /** Whether a reload of this page came back to a session it was in. */
  get remembers() {
    return Boolean(this.memory.get()?.resume);
  }

  connect() {
    if (this.state !== "connecting" && this.state !== "open") this.#attempt();
  }

  /** Send a message; kept (a few) while the connection is away, unless `lossy`. */
  send(type, members = {}, { lossy = false } = {}) {
    const text = message(type, members);
    if (this.state === "open") this.socket.send(text);
    else if (!lossy && this.unsent.length < 20) this.unsent.push(text);
  }

  /** Go for good: nothing of this session is remembered here. */
  leave() {
    this.send("leave", {}, { lossy: true });
    this.#finish("left");
  }

  async #attempt() {
    this.#clearTimers();
    if (FOR_GOOD.has(this.state)) return;
    this.#become(this.attempt ? "lost" : "connecting");
    const known = this.memory.get();
    try {
      if (known?.resume) this.#open(known.socket, { resume: known.resume, seen: known.seen || 0 });
      else await this.#openWithTicket();
    } catch (error) {
      this.#afterTrouble(error);
    }
  }

  async #openWithTicket() {
    const given = await ticket(this.session, this.asKind);
    this.#open(given.socket, { ticket: given.ticket, seen: 0 });
  }

  #open(address, secret) {
    const socket = new WebSocket(socketAddress(address));
    this.socket?.close();
    this.socket = socket;
    this.refusal = null;
    this.heard = Date.now();
    const hello = message("hello", { version: VERSION, agent: this.agent.slice(0, 200), ...secret });
    socket.addEventListener("open", () => socket.send(hello));
    socket.addEventListener("message", (event) => socket === this.socket && this.#received(event.data, address));
    socket.addEventListener("close", (event) => socket === this.socket && this.#closed(event));
    this.#every(1000, () => this.#watchSilence());
  }

  #received(data, address) {
    this.heard = Date.now();
    const message = parse(data);
    if (!message) return;
    if (typeof message.number === "number") this.#remember({ seen: message.number });
    switch (message.type) {
      case "welcome":
        return this.#welcomed(message, address);
      case "view":
        setServerTime(message.now);
        return this.#tell("view", message);
      case "ice_servers":
        this.welcome = { ...this.welcome, ice_servers: message.ice_servers };
        return this.#tell("message", message);
      case "pong":
        return setServerTime(message.now);
      case "refused":
        this.refusal = message;
        return this.state === "open" ? this.#tell("message", message) : undefined;
      case "replaced":
        return this.#finish("replaced");
      case "ended":
        this.#tell("message", message);
        return this.#finish("ended");
      default:
        return this.#tell("message", message);
    }
  }

  #welcomed(message, address) {
    this.attempt = 0;
    this.welcome = message;
    this.memory.set({ resume: message.resume, socket: address, seen: this.memory.get()?.seen || 0 });
    this.#become("open");
    for (const text of this.unsent.splice(0)) this.socket.send(text);
    this.#every(PING, () => this.send("ping", {}, { lossy: true }));
    this.#tell("welcome", message);
  }

  #remember(part) {
    const known = this.memory.get();
    if (known) this.memory.set({ ...known, ...part });
  }

  #watchSilence() {
    if (Date.now() - this.heard >= SILENCE) this.#giveUp();
  }

  #giveUp() {
    const socket = this.socket;
    this.socket = null;
    socket?.close();
    this.#retry();
  }

  #closed({ code }) {
    this.socket = null;
    if (FOR_GOOD.has(this.state)) return undefined;
    const refusal = this.refusal || { code: "refused", text: "" };
    switch (code) {
      case CLOSE.REPLACED:
        return this.#finish("replaced");
      case CLOSE.ENDED:
        return this.#finish("ended");
      case CLOSE.LEFT:
        return this.#finish("left");
      case CLOSE.SENT_AWAY:
        return this.#finish("refused", refusal.code, refusal.text);
      case CLOSE.UNKNOWN:
        this.memory.clear();
        return this.#retry(0);
      case CLOSE.DENIED:
        if (TICKET_AGAIN.has(refusal.code) && this.attempt < TICKETS) return this.#retry();
        return this.#finish("refused", refusal.code, refusal.text);
      default:
        return this.#retry();
    }
  }

  #afterTrouble(error) {
    if (error instanceof TicketRefused && !error.retry)
      return this.#finish("refused", error.code, error.text, error.status);
    this.#retry();
  }

  #retry(wait) {
    this.#clearTimers();
    if (FOR_GOOD.has(this.state)) return;
    this.attempt += 1;
    if (navigator.onLine === false) return this.#become("offline");
    this.#become("lost");
    const timer = setTimeout(() => this.#attempt(), wait ?? delayBefore(this.attempt - 1, { most: LONGEST_WAIT }));
    this.timers.add(timer);
  }

  #networkGone() {
    if (FOR_GOOD.has(this.state) || this.state === "idle") return;
    this.socket?.close();
    this.socket = null;
    this.attempt += 1;
    this.#clearTimers();
    this.#become("offline");
  }

  /** The network may be another one, or be back: try at once, or see whether the connection still carries. */
  #soon() {
    if (this.state === "open") return this.#probe();
    if (this.state !== "offline" && this.state !== "lost") return undefined;
    this.attempt = Math.min(this.attempt, 1);
    return this.#attempt();
  }

  #probe() {
    const asked = Date.now();
    this.send("ping", {}, { lossy: true });
    const timer = setTimeout(() => this.state === "open" && this.heard < asked && this.#giveUp(), PROBE);
    this.timers.add(timer);
  }

  #finish(state, code = "", text = "", status = 0) {
    this.#clearTimers();
    this.memory.clear();
    this.#become(state, { code, text, status });
    this.socket?.close();
    this.socket = null;
  }

  #every(ms, work) {
    this.timers.add(setInterval(work, ms));
  }

  #clearTimers() {
    for (const timer of this.timers) (clearInterval(timer), clearTimeout(timer));
    this.timers.clear();
  }

  #become(state, more = {}) {
    if (this.state === state) return;
    this.state = state;
    this.#tell("state", { state, code: "", text: "", ...more });
  }

  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

/** The server gave no ticket; `retry`: it may later. */
export class TicketRefused extends Error {
  constructor(status, code, text) {
    super(code);
    Object.assign(this, { status, code, text });
    this.retry = status === 429 || status >= 500;
  }
}

async function ticket(session, asKind) {
  const options = {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "application/json" },
    body: "{}",
    cache: "no-store",
  };
  const speaker = asKind ? `?as=${encodeURIComponent(asKind)}` : "";
  const response = await fetch(`/live/${encodeURIComponent(session)}/ticket${speaker}`, options);
  const body = await response.json().catch(() => ({}));
  if (!response.ok)
    throw new TicketRefused(response.status, body.code || "refused", body.text || t("You cannot enter now."));
  return body;
}

/** A socket address the server gave (path, http or ws address) as ws or wss. */
export function socketAddress(address, base = location.href) {
  const url = new URL(address, base);
  url.protocol = url.protocol.replace("http", "ws");
  return url.href;
}

/** A message as text; one the server would refuse for its members is a mistake in this code and never leaves it. */
export function message(type, members) {
  const strange = Object.keys(members).filter((name) => !FROM_ENDPOINT[type]?.includes(name));
  if (strange.length || !FROM_ENDPOINT[type]) throw new Error(`no such message: ${type} ${strange.join(" ")}`);
  return JSON.stringify({ type, ...members });
}

function parse(data) {
  try {
    return JSON.parse(data);
  } catch {
    return null;
  }
}
