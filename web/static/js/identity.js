/**
 * The officers' side of the identity check: who is not verified yet, and the question how document and face compare.
 *
 * The server says who may check whom (`view.identity`); a host has more ways than a co-operating officer beside.
 */

import { ask } from "./dialog.js";
import { button, fill, h, icon, show } from "./dom.js";
import { t } from "./texts.js";

const SETTLED = new Set(["match", "skipped"]);

/** Where the check of a person stands, as a sentence. */
export function identityWords({ result, way, document, by, service }) {
  const ways = {
    sight: t("compared on the screen"),
    beside: t("compared beside the person"),
    stills: t("compared with still pictures"),
    known: t("known in person"),
    facility: t("checked by the facility"),
    service: t("by the verification service"),
  };
  const results = {
    open: service === "asked" ? t("The verification service is asked") : t("Identity not verified yet"),
    match: t("Identity verified"),
    "no-match": t("Identity check: no match"),
    refused: t("Identity check refused"),
    "not-me": t("Says: that is not me"),
    skipped: t("Not verified: {reason}", { reason: skipReasons()[way] || "" }),
  };
  const how = result === "open" || result === "skipped" ? "" : ways[way];
  return [results[result], how, documents()[document], by].filter(Boolean).join(" · ");
}

/** The names of documents. */
function documents() {
  return {
    "id-card": t("Identity card"),
    passport: t("Passport"),
    permit: t("Travel or residence permit"),
    licence: t("Driving licence"),
    other: t("Another document"),
  };
}

function skipReasons() {
  return {
    "no-document": t("No document at hand"),
    guardian: t("A minor without a document; the guardian says who it is"),
    urgent: t("Waiting would be dangerous"),
    later: t("It is made up for in person"),
  };
}

/** What the check asks of an officer: one line above the faces, until there is a result. */
export class IdentityBar {
  /** `page.verification`: whether the site has a service to ask. */
  constructor(root, room, page = {}) {
    Object.assign(this, { root, room, page, drawn: "" });
  }

  draw(view) {
    const open = (view.identity || []).find(({ result }) => !SETTLED.has(result));
    const person = open && personOf(view, open.present);
    const state = JSON.stringify([open, person?.name, view.identity_first, view.rights.host]);
    if (state === this.drawn) return;
    this.drawn = state;
    show(this.root, Boolean(person));
    if (!person) return void fill(this.root);
    const act = () => checkIdentity(this.room, person, open, { ...this.page, host: view.rights.host });
    const first = view.identity_first && view.rights.host;
    const waits = first ? t("Lines and shared screens wait until then.") : "";
    fill(
      this.root,
      icon(open.result === "open" ? "person-check" : "warn"),
      h("div", {}, h("p", {}, barWords(open, person)), waits ? h("p", { class: "soft" }, waits) : null),
      button(t("Check identity"), null, { class: "primary small", data: { key: "identity" }, on: { click: act } }),
    );
  }
}

function barWords(open, person) {
  const { name } = person;
  if (open.stills === "asked") return t("{name} has been asked for still pictures.", { name });
  if (open.stills === "granted") return t("{name} agrees and takes the pictures now.", { name });
  if (open.stills === "sent") return t("The pictures of {name} have come. Please compare.", { name });
  return open.result === "open" ? t("{name}: identity not verified yet.", { name }) : identityWords(open);
}

function personOf(view, present) {
  for (const endpoint of view.endpoints) {
    const found = endpoint.persons.find(({ id }) => id === present);
    if (found) return found;
  }
  return null;
}

/** Ask the officer what they found, or how they want to find out. */
export async function checkIdentity(room, person, check, { host, verification }) {
  const mayAsk = host && ["none", "refused", "withdrawn"].includes(check.stills);
  const answer = await ask({
    title: t("Is this {name}?", { name: person.name }),
    text: t("Compare face and document. The result, your name and the way are written into the record."),
    body: pictures(room.session, check),
    choices: [
      { value: "match", label: t("Document and face match"), icon: "check", class: "primary" },
      { value: "known", label: t("I know the person") },
      mayAsk && { value: "stills", label: t("Ask for two still pictures"), icon: "camera" },
      host && verification && { value: "service", label: t("Ask the verification service") },
      { value: "doubt", label: t("No, or it cannot be confirmed"), class: "danger" },
      host && { value: "skip", label: t("Go on without, for a reason") },
    ].filter(Boolean),
  });
  const act = { match, known, stills, service, doubt: doubtIdentity, skip }[answer];
  if (act) await act(room, person);
}

/** The still pictures that were sent. Each time they are shown, the ledger holds to whom. */
function pictures(session, { pictures: ids, stills }) {
  if (stills !== "sent" || !ids.length) return null;
  const alts = [t("Face"), t("Document")];
  return h(
    "div",
    { class: "still-pair" },
    ids.map((id, index) =>
      h("figure", {}, h("img", { src: `/sessions/${session}/stills/${id}`, alt: alts[index] }), h("figcaption", {}, alts[index])),
    ),
  );
}

async function match(room, person) {
  const choices = Object.entries(documents()).map(([value, label]) => ({ value, label }));
  const document = await ask({ title: t("Which document did you compare?"), choices });
  if (document) room.send("confirm_person", { present: person.id, how: "document", document });
}

function known(room, person) {
  room.send("confirm_person", { present: person.id, how: "known" });
}

function stills(room, person) {
  room.send("ask_stills", { present: person.id });
}

async function service(room, person) {
  const given = await ask({
    title: t("Ask the verification service"),
    text: t("Name and number are sent to the service and kept nowhere else. The answer is written into the record."),
    fields: [{ label: t("Number on the document of {name}", { name: person.name }), required: true, maxlength: 32 }],
    choices: [
      { value: "id-card", label: documents()["id-card"], class: "primary" },
      { value: "passport", label: documents().passport },
      { value: "permit", label: documents().permit },
    ],
  });
  if (given) room.send("verify_person", { present: person.id, document: given.value, number: given.texts[0] });
}

async function skip(room, person) {
  const reason = await ask({
    title: t("Go on without a check?"),
    text: t("It stays in the record that it was not verified who {name} is, and why.", { name: person.name }),
    choices: Object.entries(skipReasons()).map(([value, label]) => ({ value, label })),
  });
  if (reason) room.send("skip_identity", { present: person.id, reason });
}

/** Why it is not confirmed who somebody is. */
export async function doubtIdentity(room, person) {
  const why = await ask({
    title: t("Why is it not confirmed?"),
    text: t("This is written into the log of the session. The person counts as unconfirmed."),
    choices: [
      { value: "no-match", label: t("Document and face do not match"), class: "danger" },
      { value: "refused", label: t("The check was refused"), class: "danger" },
      { value: "not-me", label: t("Said: that is not me"), class: "danger" },
    ],
  });
  if (why) room.send("doubt_person", { present: person.id, why });
}
