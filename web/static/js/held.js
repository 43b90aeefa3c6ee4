/** While nothing is transmitted: one sentence why, who acts, since when. */

import { askResume } from "./acts.js";
import { serverNow } from "./clock.js";
import { button, fill, h, icon, say, show } from "./dom.js";
import { clockTime, span, t } from "./texts.js";
import { missingWords } from "./words.js";

const SERVER_AWAY = "relay-lost";

export class Held {
  constructor(root, room) {
    Object.assign(this, { root, room });
    this.heading = h("h2", { tabindex: "-1" }, t("Paused"));
    this.why = h("p", { class: "why" });
    this.missing = h("p", { class: "missing" });
    this.who = h("p", { class: "soft" });
    this.since = h("p", { class: "soft tabular" });
    this.record = h("p", { class: "soft" });
    this.go = button(t("Go on"), "play", { class: "primary wide", on: { click: () => askResume(room) } });
    fill(
      root,
      h(
        "div",
        { class: "held-card" },
        h("span", { class: "held-sign" }, icon("pause")),
        this.heading,
        this.why,
        this.missing,
        this.who,
        this.go,
        this.record,
        this.since,
      ),
    );
  }

  draw(view) {
    this.view = view;
    const arming = view.state === "arming";
    say(this.heading, arming ? t("One moment") : t("Paused"));
    say(
      this.why,
      arming
        ? t("The recorder is being made ready. It begins in a moment.")
        : view.reason_text || t("Nothing is transmitted right now."),
    );
    const missing = missingWords(view.missing);
    say(this.missing, missing);
    show(this.missing, Boolean(missing) && !arming);
    const byHost = view.rights.host && view.policy === "clear" && !arming;
    show(this.go, byHost);
    this.go.disabled = view.missing.length > 0 || view.reason === SERVER_AWAY;
    say(this.who, whoActs(view, arming, byHost));
    say(this.record, recordNote(view));
    this.tick();
  }

  tick() {
    const { view } = this;
    if (!view) return;
    const seconds = (serverNow() - new Date(view.since).getTime()) / 1000;
    say(
      this.since,
      t("since {time}, for {span}", { time: clockTime(view.since, { seconds: true }), span: span(seconds) }),
    );
  }
}

function whoActs(view, arming, byHost) {
  if (arming) return "";
  if (byHost && view.reason === SERVER_AWAY)
    return t("You can go on as soon as the media server is back; that takes a few seconds.");
  if (byHost && view.missing.length) return t("You can go on as soon as everybody who is required is back.");
  if (byHost) return t("You decide when it goes on.");
  if (view.policy === "attendance" && view.reason !== "stopped")
    return t("It goes on by itself as soon as that is put right. You need not do anything.");
  if (view.policy === "attendance") return t("The duty post decides when it goes on. You need not do anything.");
  return t("The host decides when it goes on. You need not do anything; nobody sees or hears you.");
}

function recordNote(view) {
  if (view.policy === "attendance") return t("Nothing is recorded.");
  if (view.recording === "on")
    return t("The recording continues during the pause, so that the break is on record too.");
  return t("Nothing is being recorded right now.");
}
