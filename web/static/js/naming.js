/** Naming who else sits at a screen: somebody booked, or somebody whose name is typed. */

import { ask } from "./dialog.js";
import { t } from "./texts.js";
import { roleName } from "./words.js";

const NUMBERED = new Set(["officer", "cooperating_officer", "lawyer"]);

/**
 * Ask who is at `endpoint` and tell the server. `roles` may be named there; `candidates` are booked accounts
 * (`{person, name, role, number}`); `elsewhere`: the host names somebody at a room's terminal.
 */
export async function namePerson(room, endpoint, { roles, candidates, elsewhere }) {
  const here = new Set(endpoint.persons.map((person) => person.name));
  const booked = candidates.filter((one) => !here.has(one.name)).map((one) => ({ value: one, label: described(one) }));
  const typed = roles.map((role) => ({ value: { role }, label: t("Somebody else: {role}", { role: roleName(role) }) }));
  const chosen = await ask({
    title: elsewhere ? t("Who else is in this room?") : t("Who else is at this screen?"),
    text: t("Everybody in the session sees the name. Two officers at one screen count as two."),
    choices: [...booked, ...typed],
  });
  const named = chosen && (chosen.name ? chosen : await typedPerson(chosen.role));
  if (!named) return;
  const { role, name, person = null, number = "" } = named;
  room.send("name_person", { role, name, person, number, endpoint: elsewhere ? endpoint.id : null });
}

async function typedPerson(role) {
  const numbered = NUMBERED.has(role);
  const given = await ask({
    title: t("Name of the {role}", { role: roleName(role) }),
    fields: [
      { label: t("Name"), required: true, maxlength: 60 },
      {
        label: numbered ? t("Number of the officer's card or licence") : t("Number, if there is one"),
        required: numbered,
        maxlength: 30,
      },
    ],
    choices: [{ value: "add", label: t("Add"), class: "primary" }],
  });
  return given && { role, name: given.texts[0], number: given.texts[1] };
}

function described({ name, role, number }) {
  return [name, roleName(role), number].filter(Boolean).join(" · ");
}
