/** The page when there is nothing to join: ended, replaced, refused, left, too early, signed out. */

import { button, fill, h, icon, show } from "./dom.js";
import { clockTime, t } from "./texts.js";

/** Draw one card: `sign`, `title`, sentences, and buttons or links (`{label, href}` or `{label, act}`). */
export function drawOutcome(root, { sign = "circle", title, texts = [], extra = null, ways = [] }) {
  fill(
    root,
    h(
      "div",
      { class: "outcome card" },
      h("span", { class: "outcome-sign" }, icon(sign)),
      h("h1", { tabindex: "-1" }, title),
      texts.filter(Boolean).map((text) => h("p", {}, text)),
      extra,
      h("div", { class: "go" }, ways.filter(Boolean).map(way)),
    ),
  );
}

function way({ label, href, act, quiet }) {
  const style = quiet ? "quiet wide" : "primary wide";
  return href
    ? h("a", { class: `button ${style}`, href }, label)
    : button(label, null, { class: style, on: { click: act } });
}

/** Words and ways for the end of the session; `ended` is the server's last message when it has come. */
export function endedWords(view, ended, page) {
  const recorded = view?.policy !== "attendance";
  const at = ended?.at || view?.since;
  const texts = [
    at ? t("It ended at {time}.", { time: clockTime(at, { seconds: true }) }) : "",
    ended?.reason_text || view?.reason_text || "",
    page.asKind === "guest" ? t("Thank you. You can close this page.") : "",
  ];
  return {
    sign: "done",
    title: t("The session has ended"),
    texts,
    extra: digestBlock(recorded, ended),
    ways: [page.asKind === "account" && { label: t("To my sessions"), href: page.back }],
  };
}

function digestBlock(recorded, ended) {
  if (!recorded)
    return h(
      "p",
      { class: "soft" },
      t("Nothing was recorded. It is only noted that it took place, and from when to when."),
    );
  if (!ended)
    return h(
      "p",
      { class: "soft", role: "status" },
      t("The record is being closed. Its check value appears here in a moment."),
    );
  if (!ended.digest) return h("p", { class: "soft" }, t("There is no record: it had not begun."));
  const value = h("code", { class: "digest" }, grouped(ended.digest));
  const copied = show(h("span", { class: "soft", role: "status" }, t("Copied")), false);
  const copy = button(t("Copy"), null, {
    class: "small quiet",
    on: { click: () => navigator.clipboard?.writeText(ended.digest).then(() => show(copied, true)) },
  });
  return h(
    "section",
    { class: "digest-block" },
    h("h2", {}, t("Check value of the record")),
    value,
    h(
      "p",
      { class: "soft" },
      t(
        "With this value anybody can see later whether the record is unchanged and complete. You may write it down or photograph it.",
      ),
    ),
    h("p", {}, copy, copied),
  );
}

/** A long value in groups of eight, so that it can be read aloud. */
export function grouped(value) {
  return value.replace(/(.{8})(?=.)/g, "$1 ");
}
