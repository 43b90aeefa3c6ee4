/** The line above the faces: what this is, whether it is recorded and to when, how long is left, how the line is. */

import { serverNow } from "./clock.js";
import { fill, h, icon, say, show } from "./dom.js";
import { lineBars } from "./people.js";
import { me, recordStale, secondsLeft } from "./state.js";
import { clockTime, span, t } from "./texts.js";
import { lineWords, policyWords } from "./words.js";

export class Top {
  constructor(root, room) {
    this.room = room;
    this.title = h("p", { class: "top-title" });
    this.record = h("p", { class: "record" });
    this.left = h("p", { class: "left tabular" });
    this.line = h("p", { class: "line" });
    fill(root, this.title, this.record, this.left, this.line);
  }

  draw(view) {
    this.view = view;
    say(this.title, view.title);
    this.tick();
  }

  /** Once a second: the clocks. */
  tick() {
    const { view } = this;
    if (!view) return;
    this.#drawRecord(view);
    this.#drawLeft(view);
    const { bars, word } = lineWords(me(view)?.line);
    if (this.drawnLine !== word) fill(this.line, lineBars(bars), h("span", {}, word));
    this.drawnLine = word;
    show(this.line, view.rights.publish && Boolean(me(view)?.line));
  }

  #drawRecord(view) {
    const { room } = this;
    const stale = recordStale(view, room.durable, serverNow());
    const text = recordWords(view, room.durable);
    this.record.className = `record tabular ${view.policy} ${view.recording}${stale ? " stale" : ""}`;
    if (this.drawnRecord === text + stale) return;
    this.drawnRecord = text + stale;
    const sign = view.policy === "attendance" ? "shield" : stale || view.recording === "failed" ? "warn" : "record";
    fill(this.record, icon(sign), h("span", {}, stale ? t("{text} – waiting for the disk", { text }) : text));
  }

  #drawLeft(view) {
    if (view.state === "ended") return show(this.left, false);
    const left = secondsLeft(view, serverNow());
    const early = new Date(view.start).getTime() > serverNow();
    show(this.left, !early);
    this.left.classList.toggle("soon", left < 300);
    const over = view.hard_end
      ? t("over time, ends at {time}", { time: clockTime(view.hard_end) })
      : t("over the planned time");
    return say(this.left, left > 0 ? t("{span} left", { span: span(left) }) : over);
  }
}

function recordWords(view, durable) {
  if (view.policy === "attendance") return policyWords("attendance").short;
  if (view.recording === "failed") return t("Recording failed: nothing is transmitted");
  if (view.recording === "arming") return t("Recorder is being made ready");
  if (view.recording === "on" && durable)
    return t("Recorded to {time}", { time: clockTime(durable, { seconds: true }) });
  if (view.recording === "on") return t("Recording has begun");
  return view.recording === "ended" ? t("The record is closed") : t("Not recording yet");
}
