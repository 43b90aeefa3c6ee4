/**
 * One endpoint in one session: the connection, what it sends and what it receives, kept equal to the server's view.
 *
 * Pages draw from it and never touch a connection themselves. Events: `view` (a new view), `state` (of the
 * WebSocket, see socket.js), `message` (notices, chat, warnings …), `stream` (a received picture changed), `devices`.
 */

import { Devices } from "./devices.js";
import { Publisher } from "./publisher.js";
import { Receivers } from "./receiver.js";
import { Connection } from "./socket.js";
import { receivable, sending } from "./state.js";

export class Room extends EventTarget {
  constructor({ session, asKind = "", devices = new Devices(), quiet = false }) {
    super();
    Object.assign(this, { session, devices, quiet });
    this.connection = new Connection(session, { asKind });
    this.view = null;
    this.durable = null;
    this.check = null;
    this.camera = new Publisher("camera", () => this.connection.welcome);
    this.screen = null;
    this.receivers = new Receivers(() => this.connection.welcome);
    this.#listen();
  }

  /** Join, or come back. `check`: result of the device check, told to the server once after joining. */
  join(check = null) {
    this.check = check;
    this.connection.connect();
  }

  send(type, members) {
    this.connection.send(type, members);
  }

  /** Go for good; camera and microphone are released. */
  leave() {
    this.connection.leave();
    this.#release();
  }

  /** The page goes away but may come back (reload): resources are dropped, the resume secret is kept. */
  pause() {
    this.camera.close({ last: true });
    this.screen?.close({ last: true });
    this.receivers.close({ last: true });
  }

  /** Switch `audio` or `video` on or off where the session allows it. */
  async setDevice(kind, on) {
    if (!on && !this.view?.rights.mute) return;
    await this.devices.setOn(kind, on);
  }

  /** Share a screen, window or tab that the person picks; resolves when it runs or was not wanted. */
  async share() {
    const stream = await navigator.mediaDevices
      .getDisplayMedia({ video: { frameRate: { max: 15 } }, audio: false })
      .catch(() => null);
    if (!stream) return;
    const [track] = stream.getVideoTracks();
    this.screen = new Publisher("screen", () => this.connection.welcome);
    await this.screen.setTrack("video", track);
    track.addEventListener("ended", () => this.unshare());
    this.send("share", { on: true });
    this.#follow();
    this.#tell("devices");
  }

  unshare() {
    if (!this.screen) return;
    this.screen.tracks.video?.stop();
    this.screen.close();
    this.screen = null;
    this.send("share", { on: false });
    this.#tell("devices");
  }

  get sharing() {
    return Boolean(this.screen);
  }

  #listen() {
    const { connection, devices, receivers } = this;
    connection.addEventListener("welcome", () => this.#welcomed());
    connection.addEventListener("view", (event) => this.#viewed(event.detail));
    connection.addEventListener("message", (event) => this.#heard(event.detail));
    connection.addEventListener("state", (event) => this.#stateChanged(event.detail));
    devices.addEventListener(
      "track",
      ({ detail }) => (this.camera.setTrack(detail.kind, detail.track), this.#tell("devices")),
    );
    devices.addEventListener("state", ({ detail }) => (this.#report(detail.kind), this.#tell("devices")));
    devices.addEventListener("changed", ({ detail }) => this.#report(detail.kind, { changed: true }));
    document.addEventListener("visibilitychange", () => this.#reportPage());
    receivers.addEventListener("change", (event) => this.#tell("stream", event.detail));
    addEventListener("online", () => this.#hurry());
    for (const kind of ["audio", "video"]) if (devices.tracks[kind]) this.camera.setTrack(kind, devices.tracks[kind]);
  }

  #welcomed() {
    for (const kind of ["audio", "video"]) this.#report(kind);
    this.#reportPage();
    if (this.check) this.send("check_done", this.check);
    this.check = null;
    this.receivers.ensure();
    this.#hurry();
  }

  #viewed(view) {
    this.view = view;
    if (view.durable) this.durable = view.durable;
    this.#follow();
    this.#tell("view", view);
  }

  #follow() {
    const view = this.view;
    if (!view || this.connection.state !== "open") return;
    this.camera.layered ||= sending(view) > 2;
    if (view.rights.publish) this.camera.ensure();
    else if (this.camera.link.state !== "idle") this.camera.close();
    if (this.screen && view.rights.share) this.screen.ensure();
    else if (this.screen) this.unshare();
    this.receivers.follow(receivable(view));
  }

  #heard(message) {
    if (message.type === "durable") this.durable = message.until;
    if (message.type === "republish") this.#renew();
    if (message.type === "ice_servers") for (const link of this.#links()) link.renewServers();
    this.#tell("message", message);
  }

  #stateChanged(detail) {
    if (["replaced", "refused", "ended", "left"].includes(detail.state)) this.#release();
    this.#tell("state", detail);
  }

  #report(kind, more = {}) {
    if (this.#reports) this.connection.send("device", { kind, state: this.devices.states[kind], ...more }, { lossy: true });
  }

  #reportPage() {
    if (this.#reports) this.connection.send("page", { hidden: document.hidden }, { lossy: true });
  }

  get #reports() {
    return this.connection.state === "open" && !this.quiet && this.view?.state !== "ended";
  }

  #renew() {
    if (this.view?.rights.publish) this.camera.renew();
    this.screen?.renew();
    this.receivers.renew();
  }

  #hurry() {
    for (const link of this.#links()) link.hurry();
  }

  #links() {
    const receiving = [...this.receivers.all.values()].map((receiver) => receiver.link);
    return [this.camera.link, ...(this.screen ? [this.screen.link] : []), ...receiving];
  }

  #release() {
    this.screen?.tracks.video?.stop();
    this.screen?.close();
    this.screen = null;
    this.camera.close();
    this.receivers.close();
    this.devices.close();
  }

  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
