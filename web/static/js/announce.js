/**
 * What is said to everybody at this screen: notices on the page and, at once, to screen readers.
 *
 * Alarms go to an assertive live region and stay until they are closed; information goes to a polite one and fades.
 */

import { button, h } from "./dom.js";
import { t } from "./texts.js";

const SHOWN = { info: 8000, warn: 20000 };
const MOST = 4;

let polite;
let assertive;
let list;

/** Make the regions inside `root`; called once per page. */
export function mountAnnouncer(root) {
  polite = h("div", { class: "sr-only", role: "status", "aria-live": "polite" });
  assertive = h("div", { class: "sr-only", role: "alert", "aria-live": "assertive" });
  list = h("div", { class: "notices" });
  root.append(polite, assertive, list);
}

/**
 * Say `text` at `level` (`info`, `warn`, `alarm`). The same sentence on the page twice is shown once; `code` lets
 * `dismiss` take it away when it no longer holds.
 */
export function announce(text, level = "info", code = "") {
  if (!list || !text) return;
  speak(text, level);
  for (const old of [...list.children]) if (old.dataset.text === text) old.remove();
  const item = h("div", { class: `notice ${level}`, data: { text, code } }, h("p", {}, text));
  item.append(button(t("Close"), "close", { class: "quiet", on: { click: () => item.remove() } }));
  list.prepend(item);
  while (list.children.length > MOST) list.lastChild.remove();
  if (SHOWN[level]) setTimeout(() => item.remove(), SHOWN[level]);
}

/** Take away what is on the page: everything, or what was announced with `code`. */
export function dismiss(code = null) {
  for (const item of [...list.children]) if (code === null || item.dataset.code === code) item.remove();
}

/** Say `text` to screen readers only. */
export function speak(text, level = "info") {
  const region = level === "alarm" ? assertive : polite;
  region.textContent = "";
  requestAnimationFrame(() => (region.textContent = text));
}
