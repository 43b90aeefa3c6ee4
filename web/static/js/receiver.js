/** What this endpoint receives: one link per publication of another endpoint. */

import { MediaLink } from "./medialink.js";
import { iceServers } from "./publisher.js";
import { wishVp8 } from "./sdp.js";

/** One remote publication: `stream` fills as its tracks arrive; `state` events tell how the link is. */
export class Receiver extends EventTarget {
  constructor(endpoint, publication, wire) {
    super();
    Object.assign(this, { endpoint, publication });
    this.stream = new MediaStream();
    this.link = new MediaLink({
      address: () => `${wire().whep.replace(/\/$/, "")}/${endpoint}/${publication}`,
      token: () => wire().token,
      iceServers: () => iceServers(wire()),
      prepare: (connection) => this.#prepare(connection),
    });
    this.link.addEventListener("track", (event) => this.#take(event.detail.track));
    this.link.addEventListener("state", (event) =>
      this.dispatchEvent(new CustomEvent("state", { detail: event.detail })),
    );
  }

  open() {
    this.link.open();
  }

  close(options) {
    this.link.close(options);
    for (const track of this.stream.getTracks()) this.stream.removeTrack(track);
  }

  #prepare(connection) {
    // Video first: a screen has no sound, and Chromium wants the first section of a bundle not to be refused.
    const video = connection.addTransceiver("video", { direction: "recvonly" });
    wishVp8(video, globalThis.RTCRtpReceiver);
    connection.addTransceiver("audio", { direction: "recvonly" });
  }

  #take(track) {
    for (const old of this.stream.getTracks()) if (old.kind === track.kind) this.stream.removeTrack(old);
    this.stream.addTrack(track);
    this.dispatchEvent(new CustomEvent("stream", { detail: this.stream }));
  }
}

/** All that is received, kept equal to what the view lists. */
export class Receivers extends EventTarget {
  constructor(wire) {
    super();
    this.wire = wire;
    this.all = new Map();
  }

  /** Receive exactly `wanted`, a list of `{endpoint, publication}`; links that stand are left alone. */
  follow(wanted) {
    const keys = new Map(wanted.map((one) => [key(one), one]));
    for (const [id, receiver] of this.all) if (!keys.has(id)) this.#remove(id, receiver);
    for (const [id, one] of keys) if (!this.all.has(id)) this.#add(id, one);
  }

  /** New offers for everything: the relay was restarted, or the address of this device changed. */
  renew() {
    for (const receiver of this.all.values()) receiver.open();
  }

  /** Make links that were refused try again, with the token that is valid now. */
  ensure() {
    for (const receiver of this.all.values()) receiver.link.ensure();
  }

  get(endpoint, publication) {
    return this.all.get(key({ endpoint, publication }));
  }

  close(options) {
    for (const [id, receiver] of this.all) this.#remove(id, receiver, options);
  }

  #add(id, { endpoint, publication }) {
    const receiver = new Receiver(endpoint, publication, this.wire);
    this.all.set(id, receiver);
    for (const name of ["stream", "state"]) {
      receiver.addEventListener(name, () => this.dispatchEvent(new CustomEvent("change", { detail: receiver })));
    }
    receiver.open();
    this.dispatchEvent(new CustomEvent("change", { detail: receiver }));
  }

  #remove(id, receiver, options) {
    receiver.close(options);
    this.all.delete(id);
    this.dispatchEvent(new CustomEvent("change", { detail: receiver }));
  }
}

function key({ endpoint, publication }) {
  return `${endpoint}/${publication}`;
}
