/**
 * The device check: picture, microphone, speaker, line. Each says what it found and, when something is wrong, what to
 * do about it in words. Resolves with the result that is kept with the session's log.
 */

import { button, fill, h, icon, say, show } from "./dom.js";
import { speakers, chosenSpeaker } from "./devices.js";
import { testLine } from "./linetest.js";
import { playTone, watchLevel } from "./sound.js";
import { Memory } from "./storage.js";
import { t } from "./texts.js";
import { wayName } from "./words.js";

const KEPT_FOR = 12 * 3600 * 1000;
const HEARD_AT = 0.22;
const HEARD_TIMES = 6;
const SILENT_AFTER = 7000;
const kept = new Memory("check");

/** The result of a check done on this browser in the last hours in which everything was well, or `null`. */
export function recentCheck(now = Date.now()) {
  const last = kept.get();
  return last && now - last.at < KEPT_FOR && last.well ? last.result : null;
}

/** Show the check inside `root`; `devices` is opened by it. Resolves with the result when the person goes on. */
export function runCheck(root, devices) {
  return new Promise((resolve) => new Check(root, devices, resolve));
}

class Check {
  constructor(root, devices, done) {
    Object.assign(this, { root, devices, done });
    this.result = { picture: false, microphone: false, speaker: false, loss: 1, delay_ms: 0, way: "none" };
    this.finished = { picture: false, microphone: false, speaker: false, line: false };
    this.stops = [];
    this.#draw();
    this.onTrack = ({ detail }) => this.#tracksChanged(detail.kind);
    devices.addEventListener("track", this.onTrack);
  }

  #draw() {
    this.parts = {
      picture: part("camera", t("Picture"), t("You see yourself.")),
      microphone: part("mic", t("Microphone"), t("Say a few words: the bar moves.")),
      speaker: part("sound", t("Speaker"), t("Play the tone and say whether you heard it.")),
      line: part("wifi", t("Line"), t("A short round trip to the server and back.")),
    };
    this.begin = button(t("Check camera, microphone and line"), "camera", {
      class: "primary wide",
      on: { click: () => this.#begin() },
    });
    this.next = button(t("Continue"), null, { class: "primary wide", on: { click: () => this.#finish() } });
    this.note = h("p", { class: "soft", role: "status" });
    show(this.next, false);
    this.#drawParts();
    fill(
      this.root,
      h("h1", { tabindex: "-1" }, t("Before you go in: a short check")),
      h(
        "p",
        { class: "soft" },
        t(
          "It takes about twenty seconds. Your browser will ask whether camera and microphone may be used: please allow both. Nobody sees or hears you yet.",
        ),
      ),
      h(
        "div",
        { class: "checks" },
        Object.values(this.parts).map((one) => one.node),
      ),
      h("div", { class: "go" }, this.begin, this.note, this.next),
    );
  }

  #drawParts() {
    const { picture, microphone, speaker, line } = this.parts;
    this.video = h("video", {
      class: "own-picture mirrored",
      muted: true,
      playsInline: true,
      autoplay: true,
      "aria-label": t("Your picture"),
    });
    this.devices.preview(this.video);
    this.cameras = choice(t("Camera"), (id) => this.devices.choose("video", id));
    fill(picture.body, h("div", { class: "picture-frame" }, this.video), this.cameras.node);
    this.meter = h("meter", {
      min: "0",
      max: "1",
      low: "0.15",
      optimum: "0.6",
      "aria-label": t("Loudness of your microphone"),
    });
    this.microphones = choice(t("Microphone"), (id) => this.devices.choose("audio", id));
    fill(microphone.body, this.meter, this.microphones.node);
    this.#drawSpeaker(speaker);
    this.progress = h("progress", { max: "1", value: "0", "aria-label": t("Line test") });
    this.again = button(t("Test again"), "again", { class: "quiet", on: { click: () => this.#testLine() } });
    fill(line.body, this.progress, show(this.again, false));
  }

  #drawSpeaker(speaker) {
    this.outputs = choice(t("Speaker"), (id) => chosenSpeaker.set(id));
    const answers = h(
      "div",
      { class: "row" },
      button(t("Yes, I heard it"), "check", { on: { click: () => this.#heard(true) } }),
      button(t("No"), null, { class: "quiet", on: { click: () => this.#heard(false) } }),
    );
    const question = h("p", { class: "question" }, t("Did you hear it?"));
    const play = async () => {
      await playTone(chosenSpeaker.get() || "");
      show(answers, true);
      show(question, true);
    };
    fill(
      speaker.body,
      button(t("Play the tone"), "play", { on: { click: play } }),
      show(question, false),
      show(answers, false),
      this.outputs.node,
    );
  }

  async #begin() {
    this.begin.disabled = true;
    for (const name of ["picture", "microphone"]) this.parts[name].set("busy", t("Waiting for your permission…"));
    await this.devices.open();
    show(this.begin, false);
    this.#picture();
    this.#microphone();
    await this.#lists();
    await this.#testLine();
  }

  #tracksChanged(kind) {
    if (kind === "video") this.#picture();
    else this.#microphone();
  }

  #picture() {
    const track = this.devices.tracks.video;
    if (!track) return this.#conclude("picture", false, deviceFix("video", this.devices.errors.video));
    this.#conclude("picture", true, t("The camera works."));
  }

  #microphone() {
    this.stopMeter?.();
    const track = this.devices.tracks.audio;
    if (!track) return this.#conclude("microphone", false, deviceFix("audio", this.devices.errors.audio));
    let heard = 0;
    this.parts.microphone.set("busy", t("Please say a few words."));
    const silent = setTimeout(
      () =>
        this.#conclude(
          "microphone",
          false,
          t(
            "We hear nothing. Speak up, look whether the microphone or its cable has a switch, or choose another microphone below.",
          ),
        ),
      SILENT_AFTER,
    );
    const stop = watchLevel(track, (level) => {
      this.meter.value = level;
      if (level > HEARD_AT && ++heard === HEARD_TIMES) {
        clearTimeout(silent);
        this.#conclude("microphone", true, t("The microphone works."));
      }
    });
    this.stopMeter = () => (clearTimeout(silent), stop());
  }

  #heard(yes) {
    const fix = t(
      "Turn the volume up, look whether headphones are plugged in or the device is muted, choose another speaker, and play the tone again.",
    );
    this.#conclude("speaker", yes, yes ? t("The speaker works.") : fix);
  }

  async #testLine() {
    show(this.again, false);
    show(this.progress, true);
    this.parts.line.set("busy", t("Testing the line…"));
    const found = await testLine(this.devices.tracks, { progress: (part) => (this.progress.value = part) });
    Object.assign(this.result, { loss: Math.round(found.loss * 1000) / 1000, delay_ms: found.delayMs, way: found.way });
    show(this.progress, false);
    show(this.again, true);
    const { well, text } = lineVerdict(found);
    this.#conclude("line", well, text);
  }

  async #lists() {
    this.cameras.offer(await this.devices.list("video"), this.devices.current("video"));
    this.microphones.offer(await this.devices.list("audio"), this.devices.current("audio"));
    this.outputs.offer(await speakers(), chosenSpeaker.get() || "");
  }

  #conclude(name, well, text) {
    this.finished[name] = true;
    if (name !== "line") this.result[name] = well;
    this.parts[name].set(well ? "good" : "bad", text);
    this.well = { ...this.well, [name]: well };
    this.#offerNext();
  }

  #offerNext() {
    const left = Object.values(this.finished).filter((one) => !one).length;
    const well = Object.keys(this.finished).every((name) => this.well[name]);
    show(this.next, left === 0);
    say(this.next.querySelector(".label"), well ? t("Continue") : t("Continue anyway"));
    if (left === 0)
      say(
        this.note,
        well
          ? t("Everything works.")
          : t("Something above still needs attention. You may continue; the others will see what is missing."),
      );
    if (left === 1 && !this.finished.speaker) say(this.note, t("Only the speaker is left: play the tone above."));
  }

  #finish() {
    this.stopMeter?.();
    this.devices.removeEventListener("track", this.onTrack);
    const well = Object.keys(this.finished).every((name) => this.well[name]);
    kept.set({ at: Date.now(), well, result: this.result });
    this.done(this.result);
  }
}

function part(iconName, title, hint) {
  const verdict = h("p", { class: "verdict", role: "status" }, hint);
  const sign = h("span", { class: "sign", "aria-hidden": "true" });
  const body = h("div", { class: "check-body" });
  const node = h(
    "section",
    { class: "check", data: { state: "open" } },
    h("h2", {}, icon(iconName), h("span", {}, title), sign),
    verdict,
    body,
  );
  return {
    node,
    body,
    set(state, text) {
      node.dataset.state = state;
      fill(sign, { good: icon("done"), bad: icon("warn"), busy: icon("waiting") }[state]);
      say(verdict, text);
    },
  };
}

function choice(label, chosen) {
  const select = h("select", { "aria-label": label, on: { change: () => chosen(select.value) } });
  const node = show(h("p", { class: "choice" }, select), false);
  return {
    node,
    offer(list, current) {
      fill(
        select,
        list.map((one, index) =>
          h("option", { value: one.id, selected: one.id === current }, one.label || `${label} ${index + 1}`),
        ),
      );
      show(node, list.length > 1);
    },
  };
}

function deviceFix(kind, error) {
  const camera = kind === "video";
  if (error === "NotAllowedError") {
    return camera
      ? t(
          "The browser may not use the camera. Tap the sign beside the address, allow camera and microphone, then load this page again.",
        )
      : t(
          "The browser may not use the microphone. Tap the sign beside the address, allow camera and microphone, then load this page again.",
        );
  }
  if (error === "NotReadableError") {
    return camera
      ? t("Another program is using the camera. Close it (for example another video call), then load this page again.")
      : t(
          "Another program is using the microphone. Close it (for example another video call), then load this page again.",
        );
  }
  return camera
    ? t("No camera was found. Plug one in or switch it on; it is taken as soon as it is there.")
    : t("No microphone was found. Plug one in or switch it on; it is taken as soon as it is there.");
}

/** What the measured line means, and what to do. */
export function lineVerdict({ ok, loss, delayMs, way, text }) {
  if (!ok)
    return {
      well: false,
      text:
        text ||
        t(
          "Nothing came back from the server. Try another network: switch from Wi-Fi to mobile data or the other way round, or ask whoever runs your network to let video through.",
        ),
    };
  const measured = t("{loss} % lost, {delay} ms, {way}", {
    loss: (loss * 100).toFixed(1),
    delay: delayMs,
    way: wayName(way),
  });
  if (loss > 0.08 || delayMs > 600)
    return {
      well: false,
      text: t("The line is poor: {measured}. Move nearer to the Wi-Fi, stop other downloads, or use a cable.", {
        measured,
      }),
    };
  if (loss > 0.02 || delayMs > 250)
    return {
      well: true,
      text: t("The line is fair: {measured}. It will do; nearer to the Wi-Fi is better.", { measured }),
    };
  return { well: true, text: t("The line is good: {measured}.", { measured }) };
}
