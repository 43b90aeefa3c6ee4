/**
 * The faces: one tile per received publication, the other side as large as it can be, my own picture small.
 *
 * While the session is held the faces are taken out: the pictures are hidden and silent, never frozen.
 */

import { button, fill, h, say, show } from "./dom.js";
import { bestGrid, layerFor } from "./layout.js";
import { lineBars } from "./people.js";
import { me, receivable, roomCamera, staged } from "./state.js";
import { listed, t } from "./texts.js";
import { deviceLine, deviceWords, endpointName, lineWords, roleName, viewName, whoIsAt } from "./words.js";

const SETTLES = 400;

export class Stage extends EventTarget {
  constructor(root, room, { own = true } = {}) {
    super();
    Object.assign(this, { root, room });
    this.tiles = new Map();
    /** By endpoint: which picture of its room the person wants large. */
    this.large = new Map();
    this.main = h("div", { class: "faces" });
    this.side = h("div", { class: "side-faces" });
    this.empty = h("p", { class: "nobody", role: "status" });
    this.own = own ? this.#ownTile() : null;
    fill(root, this.main, this.side, this.empty, this.own);
    new ResizeObserver(() => this.#arrange()).observe(this.main);
    this.sizes = new ResizeObserver(() => this.#measureSoon());
    room.addEventListener("stream", ({ detail }) => this.#attach(detail));
    room.addEventListener("devices", () => this.#drawOwn());
  }

  /** Draw what `view` says. */
  draw(view) {
    this.view = view;
    const live = view.state === "live";
    const { main, side } = staged(view, this.large);
    this.#place(this.main, live ? main : []);
    this.#place(this.side, live ? side : []);
    this.#forget(live ? [...main, ...side] : []);
    this.root.classList.toggle("several", main.length > 1);
    this.root.classList.toggle("with-screen", side.length > 0 || main.some((one) => one.publication === "screen"));
    show(this.side, live && side.length > 0);
    show(this.empty, live && !main.length);
    const blind = t("You see who is here and the time, never picture or sound.");
    if (live && !main.length) say(this.empty, view.rights.subscribe ? t("Nobody else is in the picture yet.") : blind);
    this.#arrange();
    this.#drawOwn();
  }

  /** Use the speaker `deviceId` for everything that is heard. */
  setSpeaker(deviceId) {
    for (const tile of this.tiles.values()) tile.video.setSinkId?.(deviceId).catch(() => {});
    this.speaker = deviceId;
  }

  /** Play everything with sound; called from a tap when the browser had forbidden it. */
  turnOnSound() {
    for (const tile of this.tiles.values()) this.#play(tile.video);
  }

  #place(where, list) {
    for (const one of list) {
      const tile = this.#tile(one);
      if (tile.node.parentNode !== where) where.append(tile.node);
      this.#caption(tile, one);
      show(tile.swap, where === this.side && !this.#sharing());
    }
  }

  #sharing() {
    return receivable(this.view).some((one) => one.publication === "screen");
  }

  /** Show this picture of its room large, and the one that was beside the others. */
  #enlarge({ endpoint, publication }) {
    this.large.set(endpoint, publication);
    this.draw(this.view);
    this.tiles.get(key({ endpoint, publication }))?.node.focus();
  }

  #forget(kept) {
    const keys = new Set(kept.map(key));
    for (const [id, tile] of this.tiles) {
      if (keys.has(id)) continue;
      tile.video.srcObject = null;
      this.sizes.unobserve(tile.video);
      tile.node.remove();
      this.tiles.delete(id);
    }
  }

  #tile(one) {
    const id = key(one);
    if (this.tiles.has(id)) return this.tiles.get(id);
    const video = h("video", {
      playsInline: true,
      autoplay: true,
      data: { endpoint: one.endpoint, publication: one.publication },
    });
    const name = h("span", { class: "tile-name" });
    const note = h("span", { class: "tile-note" });
    const line = h("span", { class: "tile-line" });
    const waiting = h("p", { class: "tile-waiting" }, t("Picture is coming…"));
    const swap = button(t("Show large"), null, { class: "tile-swap", on: { click: () => this.#enlarge(one) } });
    const node = h(
      "figure",
      { class: `tile ${one.publication}`, tabindex: "-1" },
      video,
      waiting,
      h("figcaption", {}, name, note, line),
      swap,
    );
    video.addEventListener("playing", () => node.classList.add("playing"));
    video.addEventListener("emptied", () => node.classList.remove("playing"));
    const tile = { node, video, name, note, line, waiting, swap, one, asked: "large" };
    this.tiles.set(id, tile);
    this.sizes.observe(video);
    const receiver = this.room.receivers.get(one.endpoint, one.publication);
    if (receiver) this.#attach(receiver);
    return tile;
  }

  #attach(receiver) {
    const tile = this.tiles.get(key(receiver));
    if (!tile) return;
    if (receiver.stream.getTracks().length && tile.video.srcObject !== receiver.stream) {
      tile.video.srcObject = receiver.stream;
      if (this.speaker) tile.video.setSinkId?.(this.speaker).catch(() => {});
      this.#play(tile.video);
    }
    if (tile.connection !== receiver.link.connection) {
      tile.connection = receiver.link.connection;
      tile.asked = "large"; // what every new connection begins with
    }
    this.#measureSoon();
    const trouble = ["waiting", "connecting"].includes(receiver.link.state) && tile.node.classList.contains("playing");
    tile.node.classList.toggle("troubled", trouble);
    this.#drawWaiting(tile);
  }

  /** What stands in place of the picture: that it is off or lost, interrupted, or still to come. */
  #drawWaiting(tile) {
    const interrupted = tile.node.classList.contains("troubled");
    say(
      tile.waiting,
      tile.off || (interrupted ? t("The line is interrupted, it is being restored…") : t("Picture is coming…")),
    );
  }

  #play(video) {
    video.muted = false;
    video.play().catch((error) => {
      if (error.name !== "NotAllowedError") return;
      video.muted = true;
      video.play().catch(() => {});
      this.dispatchEvent(new Event("soundless"));
    });
  }

  #measureSoon() {
    clearTimeout(this.measuring);
    this.measuring = setTimeout(() => this.#measure(), SETTLES);
  }

  /** Ask for the layer that suits how large each face is shown. */
  #measure() {
    for (const tile of this.tiles.values()) {
      const { one } = tile;
      const link = this.room.receivers.get(one.endpoint, one.publication)?.link;
      const width = tile.video.clientWidth * (globalThis.devicePixelRatio || 1);
      if (one.publication === "screen" || link?.state !== "connected" || !width) continue;
      const size = layerFor(width, tile.asked);
      if (size === tile.asked) continue;
      tile.asked = size;
      this.room.send("prefer", { endpoint: one.endpoint, publication: one.publication, size });
    }
  }

  #caption(tile, one) {
    const endpoint = this.view.endpoints.find((other) => other.id === one.endpoint);
    if (!endpoint) return;
    const who = one.publication === "screen" ? t("Screen of {name}", { name: whoIsAt(endpoint) }) : whoIsAt(endpoint);
    const roles = [...new Set(endpoint.persons.map((person) => roleName(person.role)))];
    const what = viewName(one.publication) || listed(roles) || endpointName(endpoint.role);
    say(tile.name, [who, what].join(" · "));
    tile.video.setAttribute("aria-label", [who, viewName(one.publication)].filter(Boolean).join(" · "));
    const own = one.publication === "camera";
    say(tile.note, own ? deviceLine(endpoint) : "");
    const camera = roomCamera(endpoint, one.publication);
    tile.off = own ? deviceLine({ audio: "on", video: endpoint.video }) : "";
    if (camera?.state === "away") tile.off = t("This view is away, it is tried again.");
    tile.node.classList.toggle("no-picture", Boolean(tile.off));
    this.#drawWaiting(tile);
    const { bars, word } = lineWords(camera ? camera.line : endpoint.line);
    if (tile.bars !== bars || tile.word !== word) fill(tile.line, lineBars(bars), word);
    Object.assign(tile, { bars, word });
  }

  #ownTile() {
    this.ownVideo = h("video", {
      class: "mirrored",
      muted: true,
      playsInline: true,
      autoplay: true,
      "aria-label": t("Your picture"),
    });
    this.room.devices.preview(this.ownVideo);
    this.ownNote = h("span", {}, t("You"));
    return h("figure", { class: "own" }, this.ownVideo, h("figcaption", {}, this.ownNote));
  }

  #drawOwn() {
    if (!this.own) return;
    const { audio, video } = this.room.devices.states;
    const words = deviceWords({ audio, video });
    const sharing = this.room.sharing ? [t("sharing your screen")] : [];
    say(this.ownNote, [t("You"), ...sharing, ...words].join(" · "));
    this.own.classList.toggle("no-picture", video !== "on");
    this.own.classList.toggle("warned", words.length > 0);
    show(this.own, Boolean(this.view && me(this.view) && this.view.rights.publish));
    if (video === "on" && this.ownVideo.paused) this.ownVideo.play().catch(() => {});
  }

  #arrange() {
    const count = this.main.childElementCount;
    const { clientWidth, clientHeight } = this.main;
    if (!count || !clientWidth) return;
    const { columns, rows } = bestGrid(count, clientWidth, clientHeight, clientWidth < 600 ? 4 / 3 : 16 / 9);
    this.main.style.setProperty("--columns", String(columns));
    this.main.style.setProperty("--rows", String(rows));
  }
}

function key({ endpoint, publication }) {
  return `${endpoint}/${publication}`;
}
