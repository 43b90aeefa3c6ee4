/** What this endpoint sends: camera and microphone as publication `camera`, a shared screen as `screen`. */

import { MediaLink } from "./medialink.js";
import { wishVp8 } from "./sdp.js";

const SMALL_BITS = 150_000;
const MOST_BITS = { camera: 1_000_000, screen: 1_500_000 };

export class Publisher extends EventTarget {
  /** `name`: the publication; `wire()`: the `Welcome` that is valid now. */
  constructor(name, wire) {
    super();
    this.name = name;
    this.tracks = { audio: null, video: null };
    this.many = false;
    this.link = new MediaLink({
      address: () => `${wire().whip.replace(/\/$/, "")}/${name}`,
      token: () => wire().token,
      iceServers: () => iceServers(wire()),
      prepare: (connection) => this.#prepare(connection),
    });
    this.link.addEventListener("state", (event) =>
      this.dispatchEvent(new CustomEvent("state", { detail: event.detail })),
    );
  }

  /** Send `track` (or nothing, for `null`) as `kind` from now on, without a new offer where a connection stands. */
  async setTrack(kind, track) {
    this.tracks[kind] = track;
    hint(track, kind, this.name);
    const sender = this.#sender(kind);
    if (sender) await sender.replaceTrack(track).catch(() => this.link.open());
  }

  /** Whether a small layer is sent beside the large one; set for good once more than two endpoints meet. */
  get layered() {
    return this.many;
  }

  /** A connection that stands with one layer is replaced by one with both, unnoticed by those who receive it. */
  set layered(many) {
    if (many === this.many) return;
    this.many = many;
    if (["connecting", "connected"].includes(this.link.state)) this.link.open();
  }

  ensure() {
    this.link.ensure();
  }

  renew() {
    this.link.open();
  }

  close(options) {
    this.link.close(options);
  }

  #sender(kind) {
    const found = this.link.connection?.getTransceivers().find((one) => one.receiver.track.kind === kind);
    return found?.sender;
  }

  #prepare(connection) {
    if (this.name === "camera" || this.tracks.audio) {
      connection.addTransceiver(this.tracks.audio || "audio", { direction: "sendonly" });
    }
    const video = connection.addTransceiver(this.tracks.video || "video", {
      direction: "sendonly",
      sendEncodings: encodings(this.name, this.many),
    });
    wishVp8(video, globalThis.RTCRtpSender);
  }
}

/**
 * How publication `name` is encoded: the large layer first; the small one, `l`, where `many` look at a camera. A camera
 * has two layers in time, so that the relay can halve the pictures of a weak line instead of stopping them.
 */
export function encodings(name, many) {
  const large = { maxBitrate: MOST_BITS[name] || MOST_BITS.camera, maxFramerate: 25 };
  if (name !== "camera") return [large];
  large.scalabilityMode = "L1T2";
  if (!many) return [large];
  return [
    { rid: "h", ...large },
    { rid: "l", scaleResolutionDownBy: 4, maxBitrate: SMALL_BITS, maxFramerate: 25, scalabilityMode: "L1T2" },
  ];
}

/** ICE servers of a `Welcome`, as RTCPeerConnection wants them. */
export function iceServers(welcome) {
  return (welcome?.ice_servers || []).map(({ urls, username, credential }) => ({ urls, username, credential }));
}

function hint(track, kind, name) {
  if (!track || !("contentHint" in track)) return;
  track.contentHint = kind === "audio" ? "speech" : name === "screen" ? "detail" : "motion";
}
