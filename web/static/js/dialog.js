/** Questions that must be answered before something happens: the browser's own modal dialog. */

import { button, h } from "./dom.js";
import { t } from "./texts.js";

/**
 * Ask once. `choices` are `{value, label, icon, class}`; resolves with the chosen value, or `null` when closed.
 * `body`: a node between text and choices. With `fields` (each `{label, required, maxlength, options}`) it resolves with `{value, texts}`, one text per field.
 */
export function ask({ title, text, body = null, choices, fields = [], cancel = t("Back") }) {
  return new Promise((resolve) => {
    const inputs = fields.map(fieldFor);
    const finish = (answer) => {
      dialog.close();
      dialog.remove();
      resolve(answer);
    };
    const pick = (value) => {
      if (!inputs.every(({ control }) => control.reportValidity())) return;
      finish(inputs.length ? { value, texts: inputs.map(({ control }) => control.value.trim()) } : value);
    };
    const buttons = choices.map((choice) =>
      button(choice.label, choice.icon, { class: choice.class || "", on: { click: () => pick(choice.value) } }),
    );
    const back = button(cancel, null, { class: "quiet", on: { click: () => finish(null) } });
    const dialog = h(
      "dialog",
      { class: "ask", "aria-labelledby": "ask-title", on: { cancel: (e) => (e.preventDefault(), finish(null)) } },
      h("h2", { id: "ask-title" }, title),
      text ? h("p", {}, text) : null,
      body,
      inputs.map(({ row }) => row),
      h("div", { class: "choices" }, buttons, back),
    );
    document.body.append(dialog);
    dialog.showModal();
    (inputs[0]?.control || buttons[0]).focus();
  });
}

function fieldFor({ label, required = false, maxlength = 200, options = [] }, index) {
  const id = `ask-field-${index}`;
  const control = h("input", {
    id,
    maxlength: String(maxlength),
    autocomplete: "off",
    list: `${id}-options`,
    required,
  });
  if (required) control.pattern = ".*\\S.*";
  const list = h(
    "datalist",
    { id: `${id}-options` },
    options.map((text) => h("option", { value: text })),
  );
  return { control, row: h("p", { class: "field" }, h("label", { for: id }, label), control, list) };
}
