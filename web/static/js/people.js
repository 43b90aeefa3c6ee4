/**
 * Who is here: endpoints, the persons present at each, the line, and what the host may do about them.
 *
 * Drawn anew only when people change; the figures of a line change in place, so that no button moves under a finger.
 * The element that has the focus keeps it.
 */

import { ask } from "./dialog.js";
import { add, button, fill, h, icon } from "./dom.js";
import { checkIdentity, doubtIdentity, identityWords } from "./identity.js";
import { namePerson } from "./naming.js";
import { t } from "./texts.js";
import {
  cameraWords,
  deviceLine,
  endpointName,
  lineFigures,
  lineWords,
  missingWords,
  roleName,
  whoIsAt,
} from "./words.js";

export class People {
  /** `page`: what the server said before joining (see live.html), for whom this endpoint may name. */
  constructor(root, room, page, { missing = true } = {}) {
    Object.assign(this, { root, room, page, tellsMissing: missing });
    this.drawn = "";
  }

  /** Draw what `view` says, if anything about people changed. */
  draw(view) {
    const people = view.endpoints.map((one) => ({
      ...one,
      line: null,
      publications: [],
      cameras: (one.cameras || []).map((camera) => ({ ...camera, line: null })),
    }));
    const state = JSON.stringify([people, view.rights, view.missing, view.you, view.state, view.identity]);
    if (state !== this.drawn) this.#drawAll(view);
    this.drawn = state;
    for (const one of view.endpoints) {
      drawQuality(this.lines.get(one.id), one);
      for (const camera of one.cameras || []) drawCamera(this.lines.get(`${one.id}/${camera.view}`), camera);
    }
  }

  #drawAll(view) {
    this.lines = new Map();
    const focused = document.activeElement?.dataset?.key;
    fill(
      this.root,
      this.tellsMissing ? missing(view) : null,
      view.endpoints.map((one) => this.#endpoint(one, view)),
    );
    if (focused) this.root.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
  }

  #endpoint(one, view) {
    const mine = one.id === view.you;
    const node = h("section", { class: `person-card ${one.state}` });
    const head = h("h3", {}, whoIsAt(one), mine ? h("span", { class: "soft" }, ` (${t("you")})`) : null);
    add(node, [head, h("p", { class: "soft" }, stateWords(one)), this.#quality(one), this.#cameras(one)]);
    if (one.persons.length)
      add(
        node,
        h(
          "ul",
          { class: "persons" },
          one.persons.map((person) => this.#person(person, one, view)),
        ),
      );
    if (view.rights.host && !mine) add(node, this.#hostButtons(one));
    if (view.state !== "ended") add(node, this.#naming(one, mine, view));
    return node;
  }

  #quality(one) {
    if (this.page.endpointRole === "post" || one.role === "post") return null;
    const node = h("p", { class: "quality" });
    this.lines.set(one.id, node);
    return node;
  }

  /** The cameras of a room, each with its line. */
  #cameras(one) {
    return (one.cameras || []).map((camera) => {
      const node = h("p", { class: "quality" });
      this.lines.set(`${one.id}/${camera.view}`, node);
      return node;
    });
  }

  #person(person, endpoint, view) {
    const words = [person.name || t("Name not given"), roleName(person.role)];
    if (person.number) words.push(person.number);
    const item = h("li", {}, h("span", {}, words.join(" · ")));
    add(
      item,
      h(
        "span",
        { class: person.confirmed ? "tag good" : "tag" },
        person.confirmed ? icon("check") : null,
        person.confirmed ? t("confirmed") : t("not confirmed yet"),
      ),
    );
    const check = view.identity?.find(({ present }) => present === person.id);
    if (check) add(item, this.#identity(person, check, view));
    else if (view.rights.host && (!person.confirmed || endpoint.id !== view.you)) {
      add(
        item,
        forName(person.confirmed ? t("Confirm again") : t("Confirm"), person.name, "person-check", {
          class: "small",
          data: { key: `confirm-${person.id}` },
          on: { click: () => this.#confirm(person) },
        }),
      );
    }
    if ((endpoint.id === view.you || view.rights.host) && endpoint.persons.length > 1) {
      const gone = () => this.room.send("drop_person", { present: person.id });
      add(
        item,
        forName(t("Has left"), person.name, null, {
          class: "small quiet",
          data: { key: `drop-${person.id}` },
          on: { click: gone },
        }),
      );
    }
    return item;
  }

  /** Where the check of somebody's identity stands, and the way to it. */
  #identity(person, check, view) {
    const act = () => checkIdentity(this.room, person, check, { ...this.page, host: view.rights.host });
    const label = check.result === "match" ? t("Check again") : t("Check identity");
    const props = { class: "small", data: { key: `confirm-${person.id}` }, on: { click: act } };
    return [
      h("span", { class: `tag ${{ match: "good", open: "", skipped: "warn" }[check.result] ?? "warn"}` }, identityWords(check)),
      view.state === "ended" ? null : forName(label, person.name, "person-check", props),
    ];
  }

  #hostButtons(one) {
    const row = h("div", { class: "row" });
    const name = whoIsAt(one);
    if (one.state === "waiting" && one.name_confirmed === false) {
      add(
        row,
        forName(t("Send away"), name, null, {
          class: "small",
          data: { key: `refuse-${one.id}` },
          on: { click: () => this.#refuse(one) },
        }),
      );
    } else if (one.state === "waiting") {
      const admit = () => this.room.send("admit", { endpoint: one.id });
      add(
        row,
        forName(t("Let in"), name, "check", {
          class: "primary small",
          data: { key: `admit-${one.id}` },
          on: { click: admit },
        }),
      );
      add(
        row,
        forName(t("Send away"), name, null, {
          class: "small quiet",
          data: { key: `refuse-${one.id}` },
          on: { click: () => this.#refuse(one) },
        }),
      );
    } else {
      add(
        row,
        forName(t("Remove"), name, null, {
          class: "small quiet",
          data: { key: `eject-${one.id}` },
          on: { click: () => this.#eject(one) },
        }),
      );
    }
    return row;
  }

  #naming(one, mine, view) {
    const atRoom = !mine && one.role === "room" && view.rights.host;
    const roles = mine ? this.page.rolesHere : atRoom ? this.page.rolesInRoom : [];
    if (!roles?.length) return null;
    const label = mine ? t("Add a person at this screen") : t("Add a person in this room");
    const candidates = (this.page.candidates || []).filter((other) => roles.includes(other.role));
    const name = () => namePerson(this.room, one, { roles, candidates, elsewhere: atRoom });
    return button(label, "person-plus", { class: "small quiet", data: { key: `add-${one.id}` }, on: { click: name } });
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
        { value: "doubt", label: t("No, or it cannot be confirmed"), class: "danger" },
      ],
    });
    if (how === "doubt") return doubtIdentity(this.room, person);
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
}

/** A button whose visible label is the same for everybody; screen readers also hear for whom it is. */
function forName(label, name, iconName, props) {
  const node = button(label, iconName, props);
  node.append(h("span", { class: "sr-only" }, ` ${name}`));
  return node;
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

function drawQuality(node, one) {
  if (!node) return;
  const { bars, word } = lineWords(one.line);
  const devices = deviceLine(one);
  const figures = [word, lineFigures(one.line)].filter(Boolean).join(" · ");
  const key = JSON.stringify([figures, devices]);
  if (node.dataset.drawn === key) return;
  node.dataset.drawn = key;
  fill(
    node,
    lineBars(bars),
    h("span", {}, figures),
    devices ? h("span", { class: "tag warn" }, devices) : null,
  );
}

function drawCamera(node, camera) {
  const away = camera.state === "away";
  const { bars, word } = lineWords(camera.line);
  const figures = away || !camera.line ? [] : [word, lineFigures(camera.line)];
  const text = [cameraWords(camera), ...figures].join(" · ");
  if (node.dataset.drawn === text) return;
  node.dataset.drawn = text;
  fill(node, lineBars(away ? 0 : bars), h("span", { class: away ? "tag warn" : "" }, text));
}

/** Three bars, `bars` of them filled; the word stands beside them. */
export function lineBars(bars) {
  return h("span", { class: "bars", "aria-hidden": "true", data: { bars } }, h("i"), h("i"), h("i"));
}
