/** Elements without markup strings: what comes from the network only ever becomes a text node. */

const SVG = "http://www.w3.org/2000/svg";

/**
 * Make an element. `props`: `class`, `on` (object of listeners), `data`, `aria` (objects), any DOM property or
 * attribute; `null`, `undefined` and `false` are left out. Children are nodes, strings, or nested lists.
 */
export function h(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "class") node.className = value;
    else if (name === "on")
      for (const [event, listener] of Object.entries(value)) node.addEventListener(event, listener);
    else if (name === "data") Object.assign(node.dataset, value);
    else if (name === "aria") for (const [key, text] of Object.entries(value)) node.setAttribute(`aria-${key}`, text);
    else if (name in node && typeof value !== "string") node[name] = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  add(node, children);
  return node;
}

/** Append children: nodes, strings, nested lists; empty ones are skipped. */
export function add(node, children) {
  for (const child of [children].flat(Infinity)) {
    if (child === null || child === undefined || child === false || child === "") continue;
    node.append(child);
  }
  return node;
}

/** Replace the whole content of `node`. */
export function fill(node, ...children) {
  node.replaceChildren();
  return add(node, children);
}

/** An icon of the page's sprite; always beside a label, so hidden from readers. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}

/** A button with an icon and its label. `props` as for `h`. */
export function button(label, iconName, props = {}) {
  return h(
    "button",
    { type: "button", ...props },
    iconName ? icon(iconName) : null,
    h("span", { class: "label" }, label),
  );
}

/** Set the text of `node` only when it changes, so that screen readers are not told again. */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Show or hide by the `hidden` attribute. */
export function show(node, visible) {
  node.hidden = !visible;
  return node;
}
