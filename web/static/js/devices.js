/**
 * Camera and microphone of this endpoint: opened, chosen, switched off, lost and found again.
 *
 * Events: `track` (`{kind, track}`: send this from now on, `null` for nothing), `state` (`{kind, state}`, state
 * being `on`, `off` or `lost`) and `changed` (`{kind}`: it is another device than before). A camera that is switched off is really released, so that its light goes out; a
 * microphone that is switched off sends silence, so that the sound goes on without a seam.
 */

import { Memory } from "./storage.js";

const WANTED = {
  audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: { ideal: 1 } },
  video: {
    width: { ideal: 960 },
    height: { ideal: 540 },
    frameRate: { ideal: 24, max: 30 },
    facingMode: { ideal: "user" },
  },
};
const SILENT_FOR = 1500;
const RETRY = 4000;

export class Devices extends EventTarget {
  constructor(memory = { audio: new Memory("microphone"), video: new Memory("camera") }) {
    super();
    this.memory = memory;
    this.tracks = { audio: null, video: null };
    this.states = { audio: "off", video: "off" };
    this.errors = { audio: null, video: null };
    this.own = new MediaStream();
    this.wanted = { audio: false, video: false };
    this.used = { audio: "", video: "" };
    this.retry = null;
    this.onChange = () => this.#searchLost();
  }

  /** Open microphone and camera together, each alone when both cannot be had. Never throws; see `errors`. */
  async open() {
    this.wanted = { audio: true, video: true };
    navigator.mediaDevices.addEventListener("devicechange", this.onChange);
    try {
      const stream = await navigator.mediaDevices.getUserMedia({
        audio: this.#ask("audio", "exact"),
        video: this.#ask("video", "exact"),
      });
      for (const track of stream.getTracks()) this.#take(track.kind, track);
    } catch {
      await this.#openOne("audio");
      await this.#openOne("video");
    }
  }

  /** Use the device `deviceId` for `kind` from now on, and remember it. What is sent goes on until it is open. */
  async choose(kind, deviceId) {
    this.memory[kind].set(deviceId);
    if (!this.wanted[kind]) return this.#stop(kind);
    try {
      this.#keep(kind, await this.#get(kind));
    } catch {
      this.#stop(kind); // a phone may open one camera at a time only
      await this.#openOne(kind);
    }
  }

  /** Switch `kind` on or off as the person wants it. */
  async setOn(kind, on) {
    this.wanted[kind] = on;
    if (kind === "audio" && this.tracks.audio) {
      this.tracks.audio.enabled = on;
      this.#become("audio", on ? "on" : "off");
    } else if (on) {
      await this.#openOne(kind);
    } else {
      this.#stop(kind);
      this.#become(kind, "off");
    }
  }

  /** Inputs of `kind` as `{id, label}`, the browser's default first; labels are empty before permission. */
  async list(kind) {
    const wanted = kind === "audio" ? "audioinput" : "videoinput";
    const found = await navigator.mediaDevices.enumerateDevices();
    return found.filter((one) => one.kind === wanted).map((one) => ({ id: one.deviceId, label: one.label }));
  }

  /** The id of the device in use for `kind`, or an empty string. */
  current(kind) {
    return this.tracks[kind]?.getSettings().deviceId || "";
  }

  /**
   * Show the own picture in `video` while there is one. A video without data would hold up the page's load event, so
   * it gets its stream with the first track.
   */
  preview(video) {
    const draw = () => {
      video.srcObject = this.tracks.video ? this.own : null;
      if (this.tracks.video) video.play().catch(() => {});
    };
    this.addEventListener("track", draw);
    draw();
  }

  /** Release everything: no microphone stays open outside a session. */
  close() {
    navigator.mediaDevices?.removeEventListener("devicechange", this.onChange);
    clearTimeout(this.retry);
    for (const kind of ["audio", "video"]) {
      this.wanted[kind] = false;
      this.#stop(kind);
      this.#become(kind, "off");
    }
  }

  async #openOne(kind) {
    try {
      this.#keep(kind, await this.#get(kind));
    } catch (error) {
      this.errors[kind] = error.name || "Error";
      this.#lose(kind);
    }
  }

  async #get(kind) {
    const open = (must) => navigator.mediaDevices.getUserMedia({ [kind]: this.#ask(kind, must) });
    const stream = await open("exact").catch((error) => {
      if (error.name !== "OverconstrainedError") throw error;
      return open("ideal"); // what was chosen is not plugged in
    });
    return stream.getTracks()[0];
  }

  /** Take `track`, unless it is not wanted any more: it may have been switched off while it was opened. */
  #keep(kind, track) {
    if (this.wanted[kind]) this.#take(kind, track);
    else track.stop();
  }

  /** What to ask for. An `ideal` device that fits the wished size less is passed over, so one is asked for `exact`ly. */
  #ask(kind, must) {
    const deviceId = this.memory[kind].get();
    const wanted = { ...WANTED[kind] };
    if (deviceId) {
      wanted.deviceId = { [must]: deviceId };
      delete wanted.facingMode;
    }
    return wanted;
  }

  #take(kind, track) {
    this.#release(kind);
    this.errors[kind] = null;
    this.tracks[kind] = track;
    this.own.addTrack(track);
    track.addEventListener("ended", () => this.tracks[kind] === track && this.#lose(kind));
    track.addEventListener("mute", () => this.#muted(kind, track));
    track.addEventListener(
      "unmute",
      () => this.tracks[kind] === track && this.#become(kind, track.enabled ? "on" : "off"),
    );
    this.#become(kind, "on");
    this.#tell("track", { kind, track });
    const before = this.used[kind];
    this.used[kind] = this.current(kind);
    if (before && before !== this.used[kind]) this.#tell("changed", { kind });
  }

  #muted(kind, track) {
    setTimeout(() => this.tracks[kind] === track && track.muted && this.#become(kind, "lost"), SILENT_FOR);
  }

  #lose(kind) {
    this.#stop(kind);
    this.#become(kind, "lost");
    clearTimeout(this.retry);
    this.retry = setTimeout(() => this.#searchLost(), RETRY);
  }

  async #searchLost() {
    for (const kind of ["audio", "video"]) {
      const denied = this.errors[kind] === "NotAllowedError";
      if (this.wanted[kind] && !this.tracks[kind] && !denied) await this.#openOne(kind);
    }
  }

  #stop(kind) {
    if (this.#release(kind)) this.#tell("track", { kind, track: null });
  }

  /** Close the device of `kind`; whether there was one. */
  #release(kind) {
    const track = this.tracks[kind];
    if (!track) return false;
    this.tracks[kind] = null;
    this.own.removeTrack(track);
    track.stop();
    return true;
  }

  #become(kind, state) {
    if (this.states[kind] === state) return;
    this.states[kind] = state;
    this.#tell("state", { kind, state });
  }

  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

/** Outputs that can be chosen, where the browser allows it: `{id, label}`. */
export async function speakers() {
  if (!("setSinkId" in HTMLMediaElement.prototype)) return [];
  const found = await navigator.mediaDevices.enumerateDevices();
  return found.filter((one) => one.kind === "audiooutput").map((one) => ({ id: one.deviceId, label: one.label }));
}

export const chosenSpeaker = new Memory("speaker");
