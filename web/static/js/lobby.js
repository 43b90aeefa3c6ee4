/**
 * Before it begins: who you will meet, when, what is recorded and what not, what to have at hand, and words when it
 * is late. The host sees who knocks.
 */

import { serverNow } from "./clock.js";
import { button, fill, h, icon, say, show } from "./dom.js";
import { People } from "./people.js";
import { me } from "./state.js";
import { clockTime, longDate, span, t } from "./texts.js";
import { missingWords, policyWords, roleName } from "./words.js";

const LATE = 120;

export class Lobby {
  constructor(root, room, page) {
    Object.assign(this, { room, page });
    this.title = h("h1", { tabindex: "-1" }, page.title);
    this.when = h("p", { class: "when" });
    this.status = h("p", { class: "status", role: "status" });
    this.countdown = h("p", { class: "countdown tabular" });
    this.act = h("div", { class: "go" });
    this.custody = h("ol", { class: "steps" });
    this.nameCheck = h("section", { class: "card name-check" });
    this.peopleRoot = h("div", { class: "people" });
    this.people = new People(this.peopleRoot, room, page, { missing: false });
    this.preview = h("video", {
      class: "mirrored",
      muted: true,
      playsInline: true,
      autoplay: true,
      "aria-label": t("Your picture"),
    });
    room.devices.preview(this.preview);
    const { short, long } = policyWords(page.policy);
    const leads = ["host", "post"].includes(page.endpointRole);
    const present = h("section", { class: "card" }, h("h2", {}, t("Who is here")), this.peopleRoot);
    fill(
      root,
      h(
        "div",
        { class: "lobby-main" },
        this.title,
        this.when,
        h("section", { class: "card now" }, this.status, this.countdown, this.act),
        this.nameCheck,
        leads ? present : null,
        h(
          "section",
          { class: `card policy ${page.policy}` },
          h("h2", {}, icon(page.policy === "clear" ? "record" : "shield"), h("span", {}, short)),
          h("p", {}, long),
        ),
        h(
          "section",
          { class: "card" },
          h("h2", {}, t("What to have at hand")),
          h(
            "ul",
            {},
            atHand(page).map((text) => h("li", {}, text)),
          ),
        ),
      ),
      h(
        "aside",
        { class: "lobby-side" },
        page.endpointRole === "post" ? null : h("figure", { class: "own-small" }, this.preview),
        page.meet.length
          ? h(
              "section",
              { class: "card" },
              h("h2", {}, t("Who you will meet")),
              h("ul", { class: "meet" }, page.meet.map(meeting)),
            )
          : null,
        show(h("section", { class: "card custody" }, h("h2", {}, t("The person in custody")), this.custody), false),
        leads ? null : present,
      ),
    );
  }

  /** Draw what `view` says; call once a second too, for the clocks. */
  draw(view) {
    this.view = view;
    say(this.title, view.title || this.page.title);
    const when = t("{date}, {start} to {end}", {
      date: longDate(view.start),
      start: clockTime(view.start),
      end: clockTime(view.end),
    });
    say(this.when, when);
    this.people.draw(view);
    this.#drawCustody(view.custody);
    this.#drawName(view);
    this.#drawAct(view);
    if (this.preview.paused && this.preview.srcObject) this.preview.play().catch(() => {});
    this.tick();
  }

  tick() {
    const { view } = this;
    if (!view) return;
    const left = (new Date(view.start).getTime() - serverNow()) / 1000;
    say(this.status, this.#statusWords(view, left));
    show(this.countdown, left > 0);
    if (left > 0) say(this.countdown, t("begins in {span}", { span: span(left) }));
    const start = this.act.querySelector(".start");
    if (start) start.disabled = !view.rights.start;
  }

  #statusWords(view, left) {
    if (view.state === "arming") return t("The recorder is being made ready. It begins in a moment.");
    const mine = me(view);
    if (mine?.state === "waiting" && left <= -LATE)
      return t("It is later than planned. Nobody has forgotten you; please keep this page open.");
    if (mine?.state === "waiting")
      return view.state === "live"
        ? t("It has begun. You will be let in; please keep this page open.")
        : t("You are in the waiting room. You will be let in; keep this page open.");
    if (view.rights.host && !view.missing.length && left > 0)
      return t("Everybody is here. You can begin when the time has come.");
    if (view.rights.host && !view.missing.length) return t("Everybody is here.");
    if (left <= -LATE && view.missing.length)
      return t("It is later than planned. {missing} Please keep this page open.", {
        missing: missingWords(view.missing),
      });
    return missingWords(view.missing) || t("It begins by itself in a moment.");
  }

  #drawAct(view) {
    const wanted = view.rights.host && view.state === "waiting" && this.page.endpointRole !== "post";
    if (!wanted) return fill(this.act);
    if (this.act.querySelector(".start")) return undefined;
    return fill(
      this.act,
      button(t("Begin"), "play", { class: "primary wide start", on: { click: () => this.room.send("start") } }),
    );
  }

  #drawCustody(custody) {
    show(this.custody.parentNode, Boolean(custody));
    if (!custody) return;
    const steps = [
      [t("brought to the room"), custody.brought],
      [t("identity checked"), custody.identity_checked],
      [t("escort has left the room"), custody.escort_left],
    ];
    const drawn = JSON.stringify(steps);
    if (drawn === this.drawnSteps) return;
    this.drawnSteps = drawn;
    fill(
      this.custody,
      steps.map(([label, at]) =>
        h(
          "li",
          { class: at ? "done" : "" },
          icon(at ? "done" : "circle"),
          h("span", {}, label),
          h("span", { class: "soft tabular" }, at ? clockTime(at) : t("not yet")),
        ),
      ),
    );
  }

  #drawName(view) {
    const mine = me(view);
    const asked = mine?.role === "guest" && mine.name_confirmed === null;
    const key = `${asked}${mine?.name_confirmed}`;
    if (key === this.drawnName) return;
    this.drawnName = key;
    show(this.nameCheck, mine?.role === "guest" && mine.name_confirmed !== true);
    if (!asked)
      return void fill(
        this.nameCheck,
        mine?.name_confirmed === false
          ? h("p", {}, t("You said that this is not your name. The host knows and will speak with you."))
          : null,
      );
    const name = mine.persons[0]?.name || mine.label;
    fill(
      this.nameCheck,
      h("h2", {}, t("Are you {name}?", { name })),
      h(
        "div",
        { class: "row" },
        button(t("Yes, that is me"), "check", {
          class: "primary",
          on: { click: () => this.room.send("confirm_name", { me: true }) },
        }),
        button(t("No, that is not me"), null, {
          class: "quiet",
          on: { click: () => this.room.send("confirm_name", { me: false }) },
        }),
      ),
    );
  }
}

function meeting({ name, role, number, place }) {
  return h(
    "li",
    {},
    h("strong", {}, name || roleName(role)),
    h("span", { class: "soft" }, [name ? roleName(role) : "", number, place].filter(Boolean).join(" · ")),
  );
}

function atHand(page) {
  const quiet = t("A quiet room where nobody else listens, and light on your face.");
  const lists = {
    guest: [
      t("Your identity card: the officer compares it with your face."),
      quiet,
      t("Power for your phone, and Wi-Fi if you have it."),
    ],
    party:
      page.policy === "attendance"
        ? [t("Your practice licence."), quiet, t("Your notes. Nothing you show or say is kept.")]
        : [t("Your identity document."), quiet],
    host: [
      t("Your officer's card and the number of the case."),
      t("The second officer: at this screen or at another one."),
      t("The texts of rights and notices you will read."),
    ],
    post: [t("You see who is here and when. You neither see nor hear the visit.")],
    room: [],
  };
  return lists[page.endpointRole] || lists.party;
}
