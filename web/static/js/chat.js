/** Lines to all, in kinds that have them; every line is an entry of the record. */

import { button, h, icon, show } from "./dom.js";
import { clockTime, t } from "./texts.js";

const LONGEST = 1000;

export class Chat extends EventTarget {
  constructor(room) {
    super();
    this.room = room;
    this.unread = 0;
    this.open = false;
    this.numbers = new Set();
    this.lines = h("ol", { class: "lines", "aria-live": "polite", "aria-label": t("Chat") });
    this.input = h("input", {
      id: "chat-line",
      maxlength: String(LONGEST),
      autocomplete: "off",
      "aria-label": t("Your line to everybody"),
      placeholder: t("A line to everybody"),
    });
    this.form = h(
      "form",
      { class: "chat-form", on: { submit: (event) => this.#send(event) } },
      this.input,
      button(t("Send"), null, { type: "submit", class: "primary" }),
    );
    this.node = h(
      "div",
      { class: "chat" },
      h("p", { class: "soft" }, icon("record"), h("span", {}, t("Everything written here is part of the record."))),
      this.lines,
      this.form,
    );
    this.waits = show(
      h("p", { class: "soft" }, icon("person-check"), h("span", {}, t("You can write once the identity is verified."))),
      false,
    );
    this.node.append(this.waits);
    room.addEventListener("view", ({ detail }) => {
      show(this.form, !detail.identity_first);
      show(this.waits, Boolean(detail.identity_first));
    });
    room.addEventListener("message", ({ detail }) => detail.type === "said" && this.#said(detail));
  }

  setOpen(open) {
    this.open = open;
    if (open) this.unread = 0;
  }

  #said({ number, at, name, text }) {
    if (this.numbers.has(number)) return;
    this.numbers.add(number);
    this.lines.append(h("li", {}, h("p", { class: "soft" }, `${name} · ${clockTime(at)}`), h("p", {}, text)));
    this.lines.scrollTop = this.lines.scrollHeight;
    if (!this.open) this.unread += 1;
    this.dispatchEvent(new Event("said"));
  }

  #send(event) {
    event.preventDefault();
    const text = this.input.value.trim();
    if (!text) return;
    this.room.send("chat", { text });
    this.input.value = "";
  }
}
