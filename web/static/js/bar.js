/**
 * The bar below the faces: microphone, camera, share, people, chat, more, stop — and, apart from them, leave.
 *
 * A button stands here only when pressing it would be accepted; where microphone or camera may not be switched off,
 * a sentence says why.
 */

import { askEnd, askExtend, askHelp, askLeave, askMarker, askResume, askStop } from "./acts.js";
import { button, fill, h, icon, say, show } from "./dom.js";
import { t } from "./texts.js";

export class Bar extends EventTarget {
  constructor(root, room) {
    super();
    Object.assign(this, { root, room });
    this.microphone = toggle("mic", t("Microphone"), () => this.#switch("audio"));
    this.camera = toggle("camera", t("Camera"), () => this.#switch("video"));
    this.share = toggle("screen", t("Share screen"), () => (room.sharing ? room.unshare() : room.share()));
    this.people = this.#panel("people", "people", t("People"));
    this.chat = this.#panel("chat", "chat", t("Chat"));
    this.more = this.#panel("more", "more", t("More"));
    this.stop = button(t("Stop"), "stop", { class: "stop", on: { click: () => askStop(room) } });
    this.leave = button(t("Leave"), "leave", { class: "leave", on: { click: () => this.#leave() } });
    this.always = h(
      "p",
      { class: "always" },
      icon("record"),
      h("span", {}, t("Microphone and camera stay on here: the law wants the whole session on record.")),
    );
    this.badge = h("span", { class: "badge" });
    this.unread = h("span", { class: "badge" });
    this.people.append(this.badge);
    this.chat.append(this.unread);
    fill(
      root,
      h("div", { class: "bar-group" }, this.microphone, this.camera, this.share, this.always),
      h("div", { class: "bar-group" }, this.people, this.chat, this.more, this.stop),
      h("div", { class: "bar-group apart" }, this.leave),
    );
    room.addEventListener("devices", () => this.#drawDevices());
  }

  draw(view, { knocking = 0, unread = 0, open = "" } = {}) {
    this.view = view;
    const { rights } = view;
    const sends = rights.publish;
    show(this.microphone, sends && rights.mute);
    show(this.camera, sends && rights.mute);
    show(this.always, sends && !rights.mute);
    show(this.share, rights.share && Boolean(navigator.mediaDevices?.getDisplayMedia));
    show(this.chat, rights.chat);
    show(this.stop, rights.stop);
    badge(this.badge, knocking, t("{count} waiting", { count: knocking }));
    badge(this.unread, unread, t("{count} unread", { count: unread }));
    for (const [name, node] of Object.entries({ people: this.people, chat: this.chat, more: this.more })) {
      node.setAttribute("aria-expanded", String(open === name));
    }
    this.#drawDevices();
  }

  #drawDevices() {
    const { audio, video } = this.room.devices.states;
    setToggle(
      this.microphone,
      audio === "on",
      { on: "mic", off: "mic-off" },
      audio === "on" ? t("Microphone on") : t("Microphone off"),
    );
    setToggle(
      this.camera,
      video === "on",
      { on: "camera", off: "camera-off" },
      video === "on" ? t("Camera on") : t("Camera off"),
    );
    setToggle(
      this.share,
      this.room.sharing,
      { on: "screen", off: "screen" },
      this.room.sharing ? t("Stop sharing") : t("Share screen"),
    );
  }

  #switch(kind) {
    this.room.setDevice(kind, this.room.devices.states[kind] !== "on");
  }

  #panel(name, iconName, label) {
    return button(label, iconName, {
      class: "panel-button",
      "aria-expanded": "false",
      "aria-controls": "drawer",
      on: { click: () => this.dispatchEvent(new CustomEvent("panel", { detail: name })) },
    });
  }

  async #leave() {
    if (await askLeave(this.room)) this.dispatchEvent(new Event("leave"));
  }
}

/** What stands under "more": acts on the session, devices, help; only what would be accepted. Drawn when that changes. */
export function drawMore(root, room, view, settings) {
  const { rights } = view;
  const acts = [
    rights.host && view.state === "held" && ["play", t("Go on"), () => askResume(room)],
    rights.extend && ["clock", t("Extend the time"), () => askExtend(room)],
    rights.host &&
      view.policy === "clear" &&
      view.state === "live" && ["flag", t("Mark this moment"), () => askMarker(room)],
    rights.end && ["stop", t("End for everybody"), () => askEnd(room), "danger-text"],
    view.custody && ["help", t("Call the duty post"), () => askHelp(room)],
  ].filter(Boolean);
  const key = acts.map(([, label]) => label).join();
  if (root.dataset.drawn === key) return;
  root.dataset.drawn = key;
  const rows = acts.map(([iconName, label, act, style]) =>
    button(label, iconName, { class: `row-button ${style || ""}`, data: { key: label }, on: { click: act } }),
  );
  fill(root, h("div", { class: "acts" }, rows), settings);
}

function toggle(iconName, label, act) {
  const node = button(label, iconName, { class: "toggle", on: { click: act } });
  node.setAttribute("aria-pressed", "false");
  return node;
}

function setToggle(node, on, icons, label) {
  node.setAttribute("aria-pressed", String(on));
  node.classList.toggle("off", !on);
  node.querySelector("use").setAttribute("href", `#i-${on ? icons.on : icons.off}`);
  say(node.querySelector(".label"), label);
}

function badge(node, count, label) {
  say(node, count ? String(count) : "");
  show(node, count > 0);
  if (count) node.setAttribute("aria-label", label);
}
