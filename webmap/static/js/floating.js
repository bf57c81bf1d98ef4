/** Panels that float: definitions of figures, and menus. One at a time, closed by Escape or a tap elsewhere. */

import { byId, el, icon, show } from "./dom.js";
import { tell } from "./live.js";
import { page, t } from "./words.js";

const GAP = 6;
const EDGE = 8;
const SEEN_MS = 2600;

/** Put a floating panel beside the element it belongs to, inside the window. */
function place(panel, anchor) {
  const at = anchor.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = panel;
  const left = Math.min(Math.max(EDGE, at.left), innerWidth - width - EDGE);
  const below = at.bottom + GAP;
  const top = below + height + EDGE <= innerHeight ? below : Math.max(EDGE, at.top - GAP - height);
  panel.style.setProperty("left", `${Math.max(EDGE, left)}px`);
  panel.style.setProperty("top", `${top}px`);
}

/**
 * @typedef {object} Figure
 * @property {string} [definition] key of /api/definitions
 * @property {string} [title]
 * @property {string} [value]
 * @property {string} [date]
 * @property {string} [source]
 * @property {string} [of] what it is out of
 * @property {string} [unknown]
 * @property {string} [text] what is said before the definition
 */

/**
 * A figure: a button that opens its definition.
 * @param {string} className
 * @param {Figure} figure
 * @param {...(Node|string)} content
 */
export function figureButton(className, figure, ...content) {
  return el(
    "button",
    {
      type: "button",
      class: `figure ${className}`,
      "aria-haspopup": "dialog",
      on: { click: (event) => openDefinition(event.currentTarget, figure) },
    },
    ...content,
  );
}

/** A figure inside a sentence: it breaks over lines as the sentence does, which a button cannot. */
export function figureInText(figure, ...content) {
  const open = (event) => openDefinition(event.currentTarget, figure);
  const keydown = (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    open(event);
  };
  return el(
    "span",
    { role: "button", tabindex: "0", class: "fact", "aria-haspopup": "dialog", on: { click: open, keydown } },
    ...content,
  );
}

/** Definitions that speak of the limit, and what is said of it with the view that is shown. */
const LIMITED = ["coverage", "beyond", "beyond_buildings", "coverage_buildings", "coverage_area"];
let limitNote = null;

/** Let definitions say which limit the view was made with. */
export function startDefinitions(store) {
  store.on(["view"], ({ view }) => {
    limitNote = view.limit.source;
  });
}

/** Open the definition of a figure beside `anchor`; closing it gives the focus back. */
export function openDefinition(anchor, figure) {
  const panel = byId("definition");
  const known = page.definitions[figure.definition];
  const rows = [
    [t("value_label"), figure.value],
    [t("of_label"), figure.of],
    [t("unknown_label"), figure.unknown],
    [t("unit_label"), known?.unit],
    [t("date_label"), figure.date],
    [t("source_label"), figure.source || known?.source],
  ].filter(([, value]) => value);
  const close = el(
    "button",
    {
      type: "button",
      class: "icon-button small",
      "aria-label": t("close"),
      on: { click: () => panel.hidePopover() },
    },
    icon("close"),
  );
  if (panel.matches(":popover-open")) panel.hidePopover();
  show(
    panel,
    el(
      "div",
      { class: "definition-head" },
      el("h2", { id: "definition-title", text: known?.title ?? figure.title }),
      close,
    ),
    [figure.text, known?.text, LIMITED.includes(figure.definition) && limitNote].filter(Boolean).map((text) => el("p", { class: "definition-text", text })),
    el(
      "dl",
      {},
      rows.map(([name, value]) => [el("dt", { text: name }), el("dd", { text: value })]),
    ),
  );
  panel.showPopover();
  place(panel, anchor);
  close.focus();
}

let menus = 0;

/**
 * A button with a panel of choices.
 * @param {{icon: string, label: string, text?: string, className?: string}} button
 * @param {() => Node[]} content made anew each time the panel opens
 * @returns {HTMLElement[]} the button and its panel
 */
export function menu({ icon: name, label, text, className = "icon-button" }, content) {
  const id = `menu-${(menus += 1)}`;
  const button = el(
    "button",
    {
      type: "button",
      class: className,
      popovertarget: id,
      "aria-expanded": "false",
      "aria-label": text ? null : label,
      title: text ? null : label,
    },
    icon(name),
    text,
  );
  const panel = el("div", { id, class: "menu", popover: true, role: "group", "aria-label": label });
  panel.addEventListener("beforetoggle", (event) => {
    button.setAttribute("aria-expanded", String(event.newState === "open"));
    if (event.newState === "open")
      show(panel, el("h2", { class: "menu-title", text: label }), content(panel));
  });
  panel.addEventListener("click", ({ target }) => target.closest("a") && panel.hidePopover());
  // What is in it may come later, or grow.
  new ResizeObserver(() => panel.matches(":popover-open") && place(panel, button)).observe(panel);
  panel.addEventListener("toggle", (event) => {
    if (event.newState === "open") {
      place(panel, button);
      panel.querySelector("a, button, input")?.focus();
    }
  });
  return [button, panel];
}

/** Say something that passes: in the live region for ears, and for eyes where `seen`, each sentence for its time. */
export function say(text, { seen = false } = {}) {
  tell(text);
  if (!seen) return;
  const toast = byId("toast");
  const line = el("span", { text });
  toast.append(line);
  toast.hidden = false;
  setTimeout(() => {
    line.remove();
    toast.hidden = !toast.childElementCount;
  }, SEEN_MS);
}

/** Copy an address to the clipboard and say so. */
export async function copyAddress(address) {
  try {
    await copy(address);
    say(t("copied"), { seen: true });
  } catch {
    say(t("copy_failed"), { seen: true });
  }
}

async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  // Plain http on a name has no clipboard API.
  const field = el("textarea", { class: "vh", "aria-hidden": "true" });
  field.value = text;
  document.body.append(field);
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  if (!done) throw new Error("not copied");
  return undefined;
}
