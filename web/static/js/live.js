/** The live page: support → check → waiting room → session → end. One scene is shown at a time. */

import { announce, dismiss, mountAnnouncer, speak } from "./announce.js";
import { Bar, drawMore } from "./bar.js";
import { Chat } from "./chat.js";
import { recentCheck, runCheck } from "./check.js";
import { everySecond, serverNow, setServerTime } from "./clock.js";
import { chosenSpeaker } from "./devices.js";
import { button, fill, h, icon, say, show } from "./dom.js";
import { Held } from "./held.js";
import { IdentityBar } from "./identity.js";
import { Lobby } from "./lobby.js";
import { drawOutcome, endedWords } from "./outcome.js";
import { People } from "./people.js";
import { Room } from "./room.js";
import { deviceSettings } from "./settings.js";
import { playKnock } from "./sound.js";
import { Stage } from "./stage.js";
import { scene, waiting } from "./state.js";
import { Stills } from "./stills.js";
import { clockTime, loadTexts, longDate, span, t } from "./texts.js";
import { Top } from "./top.js";
import { keepAwake } from "./wake.js";
import { connectionWords, whoIsAt } from "./words.js";

const page = JSON.parse(document.getElementById("page").textContent);
const $ = (id) => document.getElementById(id);

class LivePage {
  constructor() {
    this.scene = "";
    this.panel = "";
    this.begun = false;
    this.knocked = new Set();
    this.room = new Room({ session: page.session, asKind: page.asKind, quiet: page.endpointRole === "post" });
  }

  /** From the first word to the waiting room. */
  async start() {
    this.#build();
    this.#listen();
    everySecond(() => this.#tick());
    if (page.closed) return this.#refused(page.closed);
    if (page.endpointRole === "post") return this.room.join();
    if (this.room.connection.remembers) return this.#comeBack();
    await this.#early({ offerCheck: true });
    const check = await this.#check();
    await this.#early({ offerCheck: false });
    return this.#enter(check);
  }

  #build() {
    const { room } = this;
    this.top = new Top($("top"), room);
    this.stage = new Stage($("stage"), room, { own: page.endpointRole !== "post" });
    this.held = new Held($("held"), room);
    this.bar = new Bar($("bar"), room);
    this.identity = new IdentityBar($("identity"), room, page);
    if (page.asKind === "guest") this.stills = new Stills(room, page);
    this.lobby = new Lobby($("lobby"), room, page);
    this.chat = new Chat(room);
    this.peopleRoot = h("div", { class: "people" });
    this.people = new People(this.peopleRoot, room, page);
    this.moreRoot = h("div", { class: "more" });
    this.settings =
      page.endpointRole === "post" ? null : deviceSettings(room.devices, (id) => this.stage.setSpeaker(id));
    this.stage.speaker = chosenSpeaker.get() || undefined;
    const closing = { class: "quiet", on: { click: () => this.#togglePanel("") } };
    this.drawerTitle = h("h2", { tabindex: "-1" });
    this.drawerBody = h("div", { class: "drawer-body" });
    fill($("drawer"), h("header", {}, this.drawerTitle, button(t("Close"), "close", closing)), this.drawerBody);
  }

  #listen() {
    const { room } = this;
    room.addEventListener("view", ({ detail }) => this.#draw(detail));
    room.addEventListener("message", ({ detail }) => this.#heard(detail));
    room.addEventListener("state", ({ detail }) => this.#connectionChanged(detail));
    this.stage.addEventListener("soundless", () => this.#askForSound());
    this.chat.addEventListener("said", () => this.room.view && this.#draw(this.room.view));
    this.bar.addEventListener("panel", ({ detail }) => this.#togglePanel(this.panel === detail ? "" : detail));
    this.bar.addEventListener("leave", () => room.leave());
    room.devices.addEventListener("state", ({ detail }) => this.#deviceChanged(detail));
    addEventListener("pagehide", () => room.pause());
    addEventListener("pageshow", (event) => event.persisted && location.reload());
    addEventListener("keydown", (event) => event.key === "Escape" && this.panel && this.#togglePanel(""));
  }

  /** Wait until the waiting room opens, or until the person goes on to the device check. */
  async #early({ offerCheck }) {
    const opens = new Date(page.opens).getTime();
    if (opens <= serverNow()) return;
    drawOutcome($("outcome"), {
      sign: "clock",
      title: t("Too early: it begins at {start}", { start: clockTime(page.start) }),
      texts: [
        t("{date}. You can enter the waiting room from {opens}. Keep this page open; it goes on by itself.", {
          date: longDate(page.start),
          opens: clockTime(page.opens),
        }),
      ],
      extra: h("p", { class: "countdown tabular", id: "opens-in" }),
      ways: [
        offerCheck && { label: t("Check camera and microphone now"), act: () => this.goOn?.() },
        page.asKind === "account" && { label: t("To my sessions"), href: page.back, quiet: true },
      ],
    });
    this.#show("outcome");
    await new Promise((resolve) => {
      this.goOn = resolve;
      setTimeout(resolve, opens - serverNow() + 500);
    });
  }

  async #check() {
    const recent = recentCheck();
    if (recent && (await this.#confirmRecent())) {
      await this.room.devices.open();
      return recent;
    }
    this.#show("check");
    return runCheck($("check"), this.room.devices);
  }

  #confirmRecent() {
    return new Promise((resolve) => {
      drawOutcome($("outcome"), {
        sign: "done",
        title: t("Camera, microphone and line were checked today"),
        texts: [t("Everything worked. You can go in, or check again if something has changed.")],
        ways: [
          { label: t("Go in"), act: () => resolve(true) },
          { label: t("Check again"), act: () => resolve(false), quiet: true },
        ],
      });
      this.#show("outcome");
    });
  }

  async #comeBack() {
    this.#message("waiting", t("Going back in…"), [t("You return to the place where you were.")]);
    await this.room.devices.open();
    this.room.join();
  }

  #enter(check) {
    this.#message("waiting", t("Going in…"), []);
    this.room.join(check);
  }

  #draw(view) {
    if (view.state === "live" || view.state === "held") this.begun = true;
    const next = view.state === "arming" && this.begun ? "held" : scene(view);
    this.#knock(view);
    if (next === "ended") this.#drawEnded(view);
    else if (next === "lobby") this.#drawLobby(view);
    else this.#drawRoom(view, next);
    this.lastState = view.state;
  }

  #drawLobby(view) {
    this.lobby.draw(view);
    this.#show("lobby-scene");
  }

  #drawRoom(view, state) {
    if (state === "held" && this.toldState === "live" && innerWidth < 768 && this.panel)
      ((this.panel = ""), show($("drawer"), false));
    $("room").dataset.state = state;
    this.top.draw(view);
    this.stage.draw(view);
    show($("stage"), state === "live");
    show($("held"), state === "held");
    if (state === "held") this.held.draw(view);
    dismiss(state === "held" ? view.reason : "person-missing");
    if (state !== this.toldState)
      speak(
        state === "held" ? view.reason_text : t("You see and hear each other now."),
        state === "held" ? "alarm" : "info",
      );
    this.toldState = state;
    this.people.draw(view);
    if (this.panel === "more") drawMore(this.moreRoot, this.room, view, this.settings);
    if (this.panel === "chat" && !view.rights.chat) this.#togglePanel("");
    this.bar.draw(view, {
      knocking: view.rights.host ? waiting(view).length : 0,
      unread: this.chat.unread,
      open: this.panel,
    });
    this.#drawDoor(view);
    this.identity.draw(view);
    this.#show("room");
    this.#offerPeople(view);
  }

  /** Who neither sees nor hears is shown who is there instead. */
  #offerPeople(view) {
    const offered = this.peopleOffered;
    this.peopleOffered = true;
    if (!view.rights.subscribe && !offered) this.#togglePanel("people");
  }

  #drawDoor(view) {
    const first = view.rights.host ? waiting(view)[0] : null;
    const key = first ? `${first.id} ${whoIsAt(first)}` : "";
    if (key === this.drawnDoor) return;
    this.drawnDoor = key;
    show($("door"), Boolean(first));
    if (!first) return void fill($("door"));
    const admit = () => this.room.send("admit", { endpoint: first.id });
    fill(
      $("door"),
      icon("person-plus"),
      h("p", {}, t("{name} waits to be let in.", { name: whoIsAt(first) })),
      button(t("Let in"), "check", { class: "primary small", on: { click: admit } }),
      button(t("Look"), "people", { class: "small quiet", on: { click: () => this.#togglePanel("people") } }),
    );
  }

  #drawEnded(view) {
    if (!view.rights.publish) this.room.devices.close();
    dismiss();
    drawOutcome($("outcome"), endedWords(view, this.ended, page));
    this.#show("outcome");
  }

  #knock(view) {
    const door = view.rights.host ? waiting(view) : [];
    const fresh = door.filter((one) => !this.knocked.has(one.id));
    this.knocked = new Set(door.map((one) => one.id));
    if (!fresh.length) return;
    playKnock();
    speak(t("{name} waits to be let in.", { name: whoIsAt(fresh[0]) }));
  }

  #togglePanel(name) {
    const before = this.panel;
    this.panel = name;
    this.chat.setOpen(name === "chat");
    const parts = {
      people: [t("People"), this.peopleRoot],
      chat: [t("Chat"), this.chat.node],
      more: [t("More"), this.moreRoot],
    };
    show($("drawer"), Boolean(name));
    $("room").classList.toggle("with-drawer", Boolean(name));
    if (name) {
      say(this.drawerTitle, parts[name][0]);
      fill(this.drawerBody, parts[name][1]);
    }
    if (this.room.view) this.#draw(this.room.view);
    if (name) this.drawerTitle.focus();
    else
      $("bar")
        .querySelector(`.panel-button:nth-of-type(${["people", "chat", "more"].indexOf(before) + 1})`)
        ?.focus();
  }

  #heard(message) {
    switch (message.type) {
      case "notice":
        return announce(message.text, message.level, message.code);
      case "warning":
        return announce(message.text, message.minutes <= 5 ? "warn" : "info");
      case "refused":
        return announce(message.text, "warn");
      case "durable":
        return this.top.tick();
      case "ended":
        this.ended = message;
        return this.#drawEnded(this.room.view || { policy: page.policy, rights: { publish: false } });
      default:
        return undefined;
    }
  }

  #connectionChanged({ state, code, text, status }) {
    const away = connectionWords(state, this.room.view);
    say($("lost"), away);
    show($("lost"), Boolean(away));
    if (state === "open") keepAwake();
    if (state === "replaced") this.#replaced();
    if (state === "refused") this.#refused({ code, text, status });
    if (state === "left") this.#left();
  }

  #replaced() {
    const again = { label: t("Go on here instead"), act: () => location.reload() };
    this.#message(
      "screen",
      t("You have joined in another place"),
      [t("The newest window counts, so this one was closed. Camera and microphone here are off.")],
      [again],
    );
  }

  #refused({ code, text, status }) {
    const again = { label: t("Try again"), act: () => location.reload() };
    const signIn = { label: t("Sign in"), href: `/signin?next=${encodeURIComponent(location.pathname)}` };
    const back = page.asKind === "account" && { label: t("To my sessions"), href: page.back, quiet: true };
    this.#message(
      "warn",
      t("You cannot enter now"),
      [text || t("The server did not let you in.")],
      [status === 401 ? signIn : again, back],
    );
    document.body.dataset.code = code;
  }

  #left() {
    const again = { label: t("Come back"), act: () => location.reload() };
    const back = page.asKind === "account" && { label: t("To my sessions"), href: page.back, quiet: true };
    const closing =
      page.asKind === "guest"
        ? t("You can close this page, or come back while it lasts.")
        : t("You can come back while it lasts.");
    this.#message("leave", t("You have left"), [t("Camera and microphone are off."), closing], [again, back]);
  }

  #message(sign, title, texts, ways = []) {
    drawOutcome($("outcome"), { sign, title, texts, ways });
    this.#show("outcome");
  }

  #deviceChanged({ kind, state }) {
    if (state !== "lost" || !this.room.view) return;
    const words =
      kind === "audio"
        ? t("The microphone of this device is gone. Plug it in again or choose another one under “More”.")
        : t("The camera of this device is gone. Plug it in again or choose another one under “More”.");
    announce(words, "alarm");
  }

  #askForSound() {
    const on = button(t("Turn on sound"), "sound", {
      class: "primary",
      on: { click: () => (this.stage.turnOnSound(), show($("sound"), false)) },
    });
    fill($("sound"), h("p", {}, t("Your browser keeps the sound off until you tap.")), on);
    show($("sound"), true);
    on.focus();
  }

  #tick() {
    this.top?.tick();
    if (this.scene === "lobby-scene") this.lobby.tick();
    if ($("room").dataset.state === "held") this.held.tick();
    const opens = $("opens-in");
    if (opens) say(opens, t("opens in {span}", { span: span((new Date(page.opens).getTime() - serverNow()) / 1000) }));
  }

  #show(name) {
    if (this.scene === name) return;
    this.scene = name;
    document.body.dataset.scene = name;
    for (const one of ["check", "lobby-scene", "room", "outcome"]) show($(one), one === name);
    if (name !== "room") scrollTo(0, 0);
    $(name).querySelector("h1")?.focus({ preventScroll: true });
  }
}

async function main() {
  if (document.documentElement.dataset.support !== "yes") return;
  await loadTexts(page.locale, page.zone);
  setServerTime(page.now);
  mountAnnouncer($("announcements"));
  const live = new LivePage();
  globalThis.yuanjian = live.room;
  await live.start();
}

main();
