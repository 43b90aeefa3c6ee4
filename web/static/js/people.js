/**
 * Who is here: endpoints, the persons present at each, the line, and what the host may do about them.
 *
 * Drawn anew from each view; the element that has the focus keeps it.
 */

import { ask } from "./dialog.js";
import { add, button, fill, h, icon } from "./dom.js";
import { t } from "./texts.js";
import { deviceWords, endpointName, lineFigures, lineWords, missingWords, roleName, whoIsAt } from "./words.js";
import { me, waiting } from "./state.js";

export class People {
  /** `page`: what the server said before joining (see live.html), for whom this endpoint may name. */
  constructor(root, room, page) {
    Object.assign(this, { root, room, page });
    this.drawn = "";
  }

  /** Draw what `view` says, if anything about people changed. */
  draw(view) {
    const state = JSON.stringify([view.endpoints, view.rights, view.missing, view.you, view.state]);
    if (state === this.drawn) return;
    this.drawn = state;
    const focused = document.activeElement?.dataset?.key;
    fill(this.root, missing(view), view.endpoints.map((one) => this.#endpoint(one, view)));
    if (focused) this.root.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
  }

  #endpoint(one, view) {
    const mine = one.id === view.you;
    const node = h("section", { class: `person-card ${one.state}` });
    const head = h("h3", {}, whoIsAt(one), mine ? h("span", { class: "soft" }, ` (${t("you")})`) : null);
    add(node, [head, h("p", { class: "soft" }, stateWords(one)), quality(one)]);
    if (one.persons.length) add(node, h("ul", { class: "persons" }, one.persons.map((person) => this.#person(person, one, view))));
    if (view.rights.host && !mine) add(node, this.#hostButtons(one));
    if (mine && view.state !== "ended") add(node, this.#naming(one));
    return node;
  }

  #person(person, endpoint, view) {
    const words = [person.name || t("Name not given"), roleName(person.role)];
    if (person.number) words.push(person.number);
    const item = h("li", {}, h("span", {}, words.join(" · ")));
    add(item, h("span", { class: person.confirmed ? "tag good" : "tag" }, person.confirmed ? icon("check") : null, person.confirmed ? t("confirmed") : t("not confirmed yet")));
    if (view.rights.host && !person.confirmed) {
      add(item, button(t("Confirm"), "person-check", { class: "small", data: { key: `confirm-${person.id}` }, on: { click: () => this.#confirm(person) } }));
    }
    if (endpoint.id === view.you && endpoint.persons.length > 1) {
      const gone = () => this.room.send("drop_person", { present: person.id });
      add(item, button(t("Has left"), null, { class: "small quiet", "aria-label": t("{name} has left", { name: person.name }), data: { key: `drop-${person.id}` }, on: { click: gone } }));
    }
    return item;
  }

  #hostButtons(one) {
    const row = h("div", { class: "row" });
    const name = whoIsAt(one);
    if (one.state === "waiting") {
      const admit = () => this.room.send("admit", { endpoint: one.id });
      add(row, button(t("Let in"), "check", { class: "primary small", "aria-label": t("Let in {name}", { name }), data: { key: `admit-${one.id}` }, on: { click: admit } }));
      add(row, button(t("Send away"), null, { class: "small quiet", "aria-label": t("Send away {name}", { name }), data: { key: `refuse-${one.id}` }, on: { click: () => this.#refuse(one) } }));
    } else {
      add(row, button(t("Remove"), null, { class: "small quiet", "aria-label": t("Remove {name}", { name }), data: { key: `eject-${one.id}` }, on: { click: () => this.#eject(one) } }));
    }
    return row;
  }

  #naming(one) {
    const roles = this.page.rolesHere || [];
    if (!roles.length) return null;
    return button(t("Add a person at this screen"), "person-plus", { class: "small quiet", data: { key: "add-person" }, on: { click: () => this.#name(one, roles) } });
  }

  async #confirm(person) {
    const how = await ask({
      title: t("Is this {name}?", { name: person.name || roleName(person.role) }),
      text: t("How do you know? This is written into the log of the session."),
      choices: [
        { value: "document", label: t("I compared the identity document"), class: "primary" },
        { value: "known", label: t("I know the person") },
        { value: "facility", label: t("The facility has checked") },
        { value: "other", label: t("In another way") },
      ],
    });
    if (how) this.room.send("confirm_person", { present: person.id, how });
  }

  async #refuse(one) {
    const reason = await ask({
      title: t("Send away {name}?", { name: whoIsAt(one) }),
      text: t("They are told the reason and can try again later."),
      choices: [
        { value: "not-now", label: t("Not now") },
        { value: "wrong-person", label: t("Not the person who was invited") },
        { value: "other", label: t("Another reason") },
      ],
    });
    if (reason) this.room.send("refuse", { endpoint: one.id, reason });
  }

  async #eject(one) {
    const reason = await ask({
      title: t("Remove {name} from the session?", { name: whoIsAt(one) }),
      text: t("They cannot come back by themselves. It is written into the log."),
      choices: [
        { value: "disturbance", label: t("Disturbance"), class: "danger" },
        { value: "wrong-person", label: t("Not the person who was invited"), class: "danger" },
        { value: "other", label: t("Another reason"), class: "danger" },
      ],
    });
    if (reason) this.room.send("eject", { endpoint: one.id, reason });
  }

  async #name(endpoint, roles) {
    const here = new Set(endpoint.persons.map((person) => person.name));
    const known = (this.page.candidates || []).filter((one) => !here.has(one.name));
    const listed = known.map((one) => ({ value: one, label: `${one.name} · ${roleName(one.role)}${one.number ? ` · ${one.number}` : ""}` }));
    const typed = roles.map((role) => ({ value: { role }, label: t("Somebody else: {role}", { role: roleName(role) }) }));
    const chosen = await ask({ title: t("Who else is at this screen?"), text: t("Everybody in the session sees the name. Two officers at one screen count as two."), choices: [...listed, ...typed] });
    if (!chosen) return;
    if (chosen.name) return this.room.send("name_person", { role: chosen.role, name: chosen.name, person: chosen.person ?? null, number: chosen.number || "" });
    await this.#type(chosen.role);
  }

  async #type(role) {
    const named = await ask({
      title: t("Name of the {role}", { role: roleName(role) }),
      field: { label: t("Name, and number if there is one"), required: true, maxlength: 60 },
      choices: [{ value: "add", label: t("Add"), class: "primary" }],
    });
    if (!named) return;
    const [, name, number] = named.text.match(/^(.*?)[\s,，]*([A-Za-z0-9-]{4,})?$/) || [null, named.text, ""];
    this.room.send("name_person", { role, name: name || named.text, person: null, number: number || "" });
  }
}

function missing(view) {
  const words = view.state === "live" ? "" : missingWords(view.missing);
  return words ? h("p", { class: "missing" }, icon("waiting"), h("span", {}, words)) : null;
}

function stateWords(one) {
  const words = [endpointName(one.role)];
  words.push({ waiting: t("waits to be let in"), admitted: t("is in"), away: t("is away, may come back") }[one.state]);
  if (one.name_confirmed === true) words.push(t("has confirmed the name"));
  if (one.name_confirmed === false) words.push(t("says: that is not me"));
  return words.filter(Boolean).join(" · ");
}

function quality(one) {
  if (one.role === "post") return null;
  const { bars, word } = lineWords(one.line);
  const devices = deviceWords(one);
  return h("p", { class: "quality" }, lineBars(bars), h("span", {}, [word, lineFigures(one.line)].filter(Boolean).join(" · ")), devices.length ? h("span", { class: "tag warn" }, devices.join(", ")) : null);
}

/** Three bars, `bars` of them filled; the word stands beside them. */
export function lineBars(bars) {
  return h("span", { class: "bars", "aria-hidden": "true", data: { bars } }, h("i"), h("i"), h("i"));
}

/** How many wait for the host, and whether I myself have been let in. */
export function doorState(view) {
  return { knocking: view.rights.host ? waiting(view).length : 0, inside: me(view)?.state !== "waiting" };
}
