/** Elements made without markup in strings: data never meets an HTML parser here. */

const SVG = "http://www.w3.org/2000/svg";

/**
 * Make an element.
 * @param {string} tag
 * @param {object} [props] attributes; `on` holds listeners, `vars` custom properties, `text` the text.
 *   An attribute that is null, undefined or false is left out, true is set empty.
 * @param {...(Node|string|null|undefined|false|Array)} children
 * @returns {HTMLElement}
 */
export function el(tag, props = {}, ...children) {
  return fill(document.createElement(tag), props, children);
}

/** Make an SVG element; see `el`. @returns {SVGElement} */
export function svg(tag, props = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), props, children);
}

function fill(node, { on, vars, text, ...attributes }, children) {
  for (const [name, value] of Object.entries(attributes)) setAttribute(node, name, value);
  for (const [name, value] of Object.entries(vars ?? {})) node.style.setProperty(name, value);
  for (const [name, listener] of Object.entries(on ?? {})) node.addEventListener(name, listener);
  if (text !== undefined && text !== null) node.textContent = text;
  node.append(
    ...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false),
  );
  return node;
}

/** Set, or with null, undefined or false remove, an attribute. */
export function setAttribute(node, name, value) {
  if (value === null || value === undefined || value === false) node.removeAttribute(name);
  else node.setAttribute(name, value === true ? "" : value);
}

/** Replace what is in `node`. */
export function show(node, ...children) {
  node.replaceChildren(
    ...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false),
  );
}

/** An icon of the page's sprite. */
export function icon(name) {
  return svg(
    "svg",
    { class: "icon", "aria-hidden": "true", focusable: "false" },
    svg("use", { href: `#i-${name}` }),
  );
}

/** A button that is only an icon, with its words for ears and for the pointer. */
export function iconButton(name, label, click, className = "icon-button") {
  return el(
    "button",
    { type: "button", class: className, "aria-label": label, title: label, on: { click } },
    icon(name),
  );
}

const WHOLE = /(\d{4}-\d{2}-\d{2}|\d[\d,.]* (?:m|km|%)(?![a-z]))/;

/** Text whose dates and measures never break across lines. */
export function unbroken(text) {
  return text.split(WHOLE).map((part, i) => (i % 2 ? el("span", { class: "nowrap", text: part }) : part));
}

/** Element by id; a page without it is broken, and says so at once. */
export function byId(id) {
  const node = document.getElementById(id);
  if (!node) throw new Error(`The page has no #${id}.`);
  return node;
}
