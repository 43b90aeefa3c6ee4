/** Questions that must be answered before something happens: the browser's own modal dialog. */

import { button, h } from "./dom.js";
import { t } from "./texts.js";

/**
 * Ask once. `choices` are `{value, label, icon, class}`; resolves with the chosen value, or `null` when closed.
 * With `field` (`{label, required, maxlength, value, options}`) the promise resolves with `{value, text}`.
 */
export function ask({ title, text, choices, field, cancel = t("Back") }) {
  return new Promise((resolve) => {
    const input = field ? fieldFor(field) : null;
    const finish = (answer) => {
      dialog.close();
      dialog.remove();
      resolve(answer);
    };
    const pick = (value) => {
      if (input && !input.control.reportValidity()) return;
      finish(input ? { value, text: input.control.value.trim() } : value);
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
      input ? input.row : null,
      h("div", { class: "choices" }, buttons, back),
    );
    document.body.append(dialog);
    dialog.showModal();
    (input ? input.control : buttons[0]).focus();
  });
}

function fieldFor({ label, required = false, maxlength = 200, value = "", options = [] }) {
  const control = h("input", { id: "ask-field", maxlength: String(maxlength), autocomplete: "off", list: "ask-options" });
  control.value = value;
  control.required = required;
  const list = h("datalist", { id: "ask-options" }, options.map((text) => h("option", { value: text })));
  return { control, row: h("p", { class: "field" }, h("label", { for: "ask-field" }, label), control, list) };
}
