/**
 * The terminal of a room, which nobody has to operate: paired once, idle between sessions, in a session by itself.
 *
 * Camera and microphone are opened when its session opens and released when it is over; never in between.
 */

import { announce, mountAnnouncer, speak } from "./announce.js";
import { pause } from "./backoff.js";
import { everySecond, serverNow, setServerTime } from "./clock.js";
import { button, fill, h, icon, say, show } from "./dom.js";
import { Held } from "./held.js";
import { IdentityBar } from "./identity.js";
import { Room } from "./room.js";
import { Stage } from "./stage.js";
import { scene } from "./state.js";
import { publicKey, sign } from "./terminalkey.js";
import { clockTime, loadTexts, longDate, t } from "./texts.js";
import { Top } from "./top.js";
import { keepAwake } from "./wake.js";
import { connectionWords } from "./words.js";

const page = JSON.parse(document.getElementById("page").textContent);
const $ = (id) => document.getElementById(id);
const POLL = 3000;
const WORDS_STAY = 15_000;
const SEEN_EVERY = 60_000;

class TerminalPage {
  constructor() {
    this.room = null;
    this.code = null;
    this.told = 0;
  }

  /** Runs for ever: asks what to do, does it, and asks again. */
  async run() {
    everySecond(() => this.#tick());
    navigator.mediaDevices?.addEventListener("devicechange", () => (this.told = 0));
    for (;;) {
      await this.#step().catch((error) => console.error("the terminal's step failed", error));
      await pause(POLL);
    }
  }

  async #step() {
    const state = await ask("/terminal/state");
    if (!state) return this.#offline();
    if (!state.paired) return this.#pairing(state);
    this.code = null;
    if (state.start) return this.#start();
    this.paired = true;
    await useZone(state.zone);
    setServerTime(state.now);
    return state.session ? this.#session(state.session) : this.#idle(state);
  }

  /** Prove with the device's key that this is the paired terminal: at every start, and when another one took over. */
  async #start() {
    const asked = await ask("/terminal/challenge", {});
    if (!asked) return this.#offline();
    const signature = (await sign(asked.challenge)) ?? "";
    const started = await ask("/terminal/start", { secret: asked.secret, signature });
    return started ? this.#step() : this.#offline();
  }

  async #pairing(state) {
    this.paired = false;
    if (!state.waiting || !this.code) {
      const begun = await ask("/terminal/pair", { public_key: await publicKey() });
      this.code = begun?.code ?? null;
    }
    if (!this.code) return this.#offline();
    fill(
      $("pairing"),
      h("h1", {}, t("This device belongs to a room")),
      h("p", { class: "code tabular", "aria-label": this.code.split("").join(" ") }, this.code),
      h(
        "p",
        {},
        t(
          "The duty officer types this code in the list of rooms and chooses the room. The screen then goes on by itself.",
        ),
      ),
    );
    return this.#show("pairing");
  }

  async #idle(state) {
    this.idle ??= this.#buildIdle();
    say(this.idle.room, state.room);
    const times = state.times.map(({ start, end }) => `${clockTime(start)}–${clockTime(end)}`);
    if (this.idle.drawn !== times.join()) {
      fill(
        this.idle.times,
        times.length
          ? times.map((one) => h("li", { class: "tabular" }, one))
          : h("li", { class: "soft" }, t("Nothing is planned.")),
      );
    }
    this.idle.drawn = times.join();
    show($("lost"), false);
    this.#tick();
    this.#show("idle");
  }

  #buildIdle() {
    const parts = {
      room: h("h1", {}),
      date: h("p", { class: "date" }),
      clock: h("p", { class: "big-clock tabular" }),
      times: h("ul", { class: "times", "aria-label": t("Next times") }),
    };
    fill($("idle"), parts.room, parts.date, parts.clock, parts.times);
    return parts;
  }

  /** In a session until it is over or cannot be entered. */
  async #session(session) {
    const room = new Room({ session, asKind: "terminal" });
    this.room = globalThis.yuanjian = room;
    this.#buildRoom(room);
    this.#tick();
    this.#waitingWords(t("One moment…"));
    await room.devices.open();
    const over = new Promise((resolve) => {
      room.addEventListener(
        "state",
        ({ detail }) => ["ended", "refused", "replaced", "left"].includes(detail.state) && resolve(detail.state),
      );
    });
    room.join();
    const how = await over;
    show($("lost"), false);
    this.room = null;
    await this.#afterwards(how, room);
  }

  async #afterwards(how, room) {
    room.devices.close();
    if (how === "ended") {
      this.#outcome(
        "done",
        t("The session has ended"),
        t("Camera and microphone are off. Please wait until somebody comes."),
      );
      await pause(WORDS_STAY);
    } else if (how === "replaced") {
      this.#outcome(
        "screen",
        t("This room is open in another window"),
        t("The newest window counts. This one goes on when it is loaded again."),
      );
      await new Promise(() => {});
    }
  }

  #buildRoom(room) {
    this.top = new Top($("top"), room);
    this.clock = h("p", { class: "room-clock tabular" });
    $("top").append(this.clock);
    this.stage = new Stage($("stage"), room);
    this.held = new Held($("held"), room);
    this.identity = new IdentityBar($("identity"), room);
    const help = button(t("Call for help"), "help", { class: "help", on: { click: () => this.#help(room, help) } });
    fill($("bar"), help);
    this.stage.addEventListener("soundless", () => this.#askForSound());
    room.addEventListener("view", ({ detail }) => this.room === room && this.#draw(detail));
    room.addEventListener("state", ({ detail }) => this.room === room && this.#connection(detail.state));
    room.addEventListener("message", ({ detail }) => this.#heard(detail));
  }

  #draw(view) {
    const now = scene(view);
    if (now === "ended") return this.#drawEnded(view);
    if (now === "lobby") return this.#waitingWords(t("It begins soon. You will see and hear the other side here."));
    $("room").dataset.state = now;
    this.top.draw(view);
    this.stage.draw(view);
    show($("stage"), now === "live");
    show($("held"), now === "held");
    if (now === "held") this.held.draw(view);
    this.identity.draw(view);
    if (this.toldScene !== now) speak(now === "held" ? view.reason_text : t("You see and hear each other now."));
    this.toldScene = now;
    return this.#show("room");
  }

  #drawEnded(view) {
    const goesOn = view.rights.publish;
    const text = goesOn
      ? t("Picture and sound of this room stay on record until you are taken back. Please wait until somebody comes.")
      : t("Camera and microphone are off. Please wait until somebody comes.");
    if (!goesOn) this.room.devices.close();
    this.#outcome("done", t("The session has ended"), text);
  }

  #waitingWords(text) {
    this.#outcome("waiting", t("Please take a seat"), text);
  }

  #outcome(sign, title, text) {
    const key = title + text;
    if (this.drawn !== key)
      fill(
        $("outcome"),
        h(
          "div",
          { class: "outcome" },
          h("span", { class: "outcome-sign" }, icon(sign)),
          h("h1", {}, title),
          h("p", {}, text),
        ),
      );
    this.drawn = key;
    this.#show("outcome");
  }

  #help(room, help) {
    room.send("help");
    help.disabled = true;
    say(help.querySelector(".label"), t("Help is called"));
    setTimeout(() => {
      help.disabled = false;
      say(help.querySelector(".label"), t("Call for help"));
    }, 20_000);
  }

  #heard(message) {
    if (message.type === "notice" && message.level !== "alarm") announce(message.text, message.level);
    if (message.type === "warning") announce(message.text, message.minutes <= 5 ? "warn" : "info");
    if (message.type === "durable") this.top.tick();
  }

  #connection(state) {
    if (state === "open") keepAwake();
    const away = connectionWords(state, this.room.view);
    say($("lost"), away);
    show($("lost"), Boolean(away));
  }

  #offline() {
    say($("lost"), t("No connection to the server. It goes on by itself."));
    show($("lost"), true);
  }

  #askForSound() {
    const on = button(t("Turn on sound"), "sound", {
      class: "primary",
      on: { click: () => (this.stage.turnOnSound(), show($("sound"), false)) },
    });
    fill($("sound"), on);
    show($("sound"), true);
  }

  #tick() {
    const now = serverNow();
    if (this.clock) say(this.clock, clockTime(now, { seconds: true }));
    if (this.idle) {
      say(this.idle.clock, clockTime(now));
      say(this.idle.date, longDate(now));
    }
    this.top?.tick();
    if (this.paired && Date.now() - this.told >= SEEN_EVERY) this.#tellHealth();
    if ($("room").dataset.state === "held") this.held?.tick();
  }

  /** What is plugged in, without opening it; also while a session runs. */
  async #tellHealth() {
    this.told = Date.now();
    const devices = await navigator.mediaDevices.enumerateDevices().catch(() => []);
    const has = (kind) => devices.some((one) => one.kind === kind);
    await ask("/terminal/seen", {
      camera: has("videoinput"),
      microphone: has("audioinput"),
      network: navigator.connection?.effectiveType || "",
      version: navigator.userAgent,
    });
  }

  #show(name) {
    document.body.dataset.scene = name;
    for (const one of ["pairing", "idle", "outcome", "room"]) show($(one), one === name);
  }
}

let zoneNow = "";

async function useZone(zone) {
  if (zone === zoneNow) return;
  zoneNow = zone;
  await loadTexts(page.locale, zone);
}

/** GET `address`, or POST `body` to it; the JSON answer, or `null` when there is none. */
async function ask(address, body) {
  const headers = { Accept: "application/json", "Content-Type": "application/json" };
  const options = body ? { method: "POST", headers, body: JSON.stringify(body) } : { headers };
  try {
    const response = await fetch(address, { ...options, cache: "no-store" });
    return response.ok ? await response.json() : null;
  } catch {
    return null;
  }
}

async function main() {
  if (document.documentElement.dataset.support !== "yes") return;
  await loadTexts(page.locale, undefined);
  setServerTime(page.now);
  mountAnnouncer($("announcements"));
  const terminal = new TerminalPage();
  addEventListener("pagehide", () => terminal.room?.pause());
  await terminal.run();
}

main();
