/** What a person may do with the whole session: each act asks once, names its effect, and is sent. */

import { ask } from "./dialog.js";
import { t } from "./texts.js";

/** Stop: nothing is transmitted until the host goes on. */
export async function askStop(room) {
  const recorded = room.view?.policy === "clear";
  const reason = await ask({
    title: t("Stop for now?"),
    text: recorded
      ? t(
          "Nobody sees or hears anybody until the host goes on. The recording continues, so that the break is on record too.",
        )
      : t("Nobody sees or hears anybody until it goes on."),
    choices: [
      { value: t("A break"), label: t("A break"), icon: "pause" },
      { value: t("Somebody is not well"), label: t("Somebody is not well") },
      { value: t("Disturbance"), label: t("Disturbance") },
      { value: t("Another reason"), label: t("Another reason") },
    ],
    cancel: t("Do not stop"),
  });
  if (reason) room.send("hold", { reason });
}

/** Go on after a hold: the host states why. */
export async function askResume(room) {
  const given = await ask({
    title: t("Go on?"),
    text: t("Everybody sees and hears each other again at once. The reason is written into the log."),
    fields: [
      {
        label: t("Why can it go on?"),
        required: true,
        options: [
          t("The break is over"),
          t("Everybody is back"),
          t("The line is restored"),
          t("The recorder works again"),
        ],
      },
    ],
    choices: [{ value: "go", label: t("Go on"), icon: "play", class: "primary" }],
  });
  if (given) room.send("resume", { reason: given.texts[0] });
}

/** More time, when all rooms and people are free. */
export async function askExtend(room) {
  const minutes = await ask({
    title: t("Extend the time?"),
    text: t("It is granted when the rooms and everybody booked are free."),
    choices: [15, 30, 60].map((value) => ({ value, label: t("{minutes} more minutes", { minutes: value }) })),
  });
  if (minutes) room.send("extend", { minutes });
}

/** End for everybody. */
export async function askEnd(room) {
  const recorded = room.view?.policy === "clear";
  const given = await ask({
    title: t("End for everybody?"),
    text: recorded
      ? t("The session ends for everybody and its record is closed. This cannot be undone.")
      : t("The session ends for everybody. This cannot be undone."),
    fields: [{ label: t("Remark for the log (optional)"), options: [t("Finished as planned")] }],
    choices: [{ value: "end", label: t("End for everybody"), class: "danger" }],
    cancel: t("Do not end"),
  });
  if (given) room.send("end", { reason: given.texts[0] });
}

/** Leave alone; the session goes on or is held, depending on who is needed. */
export async function askLeave(room) {
  const needed = room.view && room.view.state === "live";
  return ask({
    title: t("Leave?"),
    text: needed
      ? t(
          "You leave, the others stay. If you are needed, it pauses until you are back. You can come back with the same link.",
        )
      : t("You can come back with the same link."),
    choices: [{ value: true, label: t("Leave"), icon: "leave", class: "danger" }],
    cancel: t("Stay"),
  });
}

/** A labelled instant. */
export async function askMarker(room) {
  const given = await ask({
    title: t("Mark this moment"),
    text: t("The mark stands in the record at this second."),
    fields: [
      {
        label: t("Label"),
        required: true,
        maxlength: 80,
        options: [
          t("Rights read"),
          t("Identity checked"),
          t("Document shown"),
          t("Important answer"),
          t("Statement read back"),
        ],
      },
    ],
    choices: [{ value: "mark", label: t("Mark"), icon: "flag", class: "primary" }],
  });
  if (given) room.send("marker", { label: given.texts[0] });
}

/** A silent call to the duty post. */
export async function askHelp(room) {
  const yes = await ask({
    title: t("Call for help?"),
    text: t("The duty post is called without a sound. Somebody comes or calls."),
    choices: [{ value: true, label: t("Call"), icon: "help", class: "primary" }],
  });
  if (yes) room.send("help");
}
