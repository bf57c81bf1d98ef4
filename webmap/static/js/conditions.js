/** Combined conditions: each with the number of units that are left after it; added, changed, removed, saved. */

import { conditionForm } from "./conditions_form.js";
import { KINDS, MOST, answeredOf, partOf, partsOf, setParts } from "./conditions_model.js";
import { savedMenu, saving } from "./conditions_saved.js";
import { byId, el, icon, iconButton, show } from "./dom.js";
import { copyAddress, menu } from "./floating.js";
import { cell, mark, swatch } from "./shapes.js";
import { signInAddress } from "./url.js";
import { count, sight, t } from "./words.js";

/** Bring the panel to life. */
export function startConditions(store) {
  const node = byId("conditions");
  const heading = el("h2", { id: "conditions-title", text: t("conditions") });
  if (!sight.conditions) {
    show(node, el("div", { class: "conditions-head" }, heading), refused());
    return;
  }
  const clear = el("button", {
    type: "button",
    class: "text-button",
    text: t("clear"),
    on: {
      click: () => {
        store.set({ saved: null });
        setParts(store, []);
        node.querySelector(".add-condition").focus();
      },
    },
  });
  const link = iconButton("link", t("conditions_link"), () => copyAddress(location.href), "icon-button small");
  const options = optionsToggle();
  const list = el("ol", { class: "conditions-list" });
  const note = el("p", { class: "conditions-note" });
  const adding = menu(
    { icon: "plus", label: t("conditions_add"), text: t("conditions_add"), className: "add-condition" },
    (panel) =>
      form(panel, null, (text) => {
        setParts(store, [...partsOf(store.get().query), text]);
        adding[0].scrollIntoView({ block: "nearest" });
        adding[0].focus();
      }),
  );
  const keep = saving(store);
  show(
    node,
    el("div", { class: "conditions-head" }, heading, el("span", { class: "conditions-tools" }, savedMenu(store), link, clear)),
    list,
    adding,
    keep,
    note,
    options,
  );
  let before = [];
  const draw = () => {
    const { query } = store.get();
    const parts = partsOf(query);
    const answered = answeredOf(store.get());
    const gone = before.findIndex((part) => !parts.includes(part));
    const held = list.contains(document.activeElement);
    before = parts;
    show(
      list,
      parts.map((part, at) => row(store, part, at, answered?.items[at])),
    );
    if (held) focusAfter(list, adding[0], gone);
    for (const one of [clear, link, keep, note, options]) one.hidden = parts.length === 0;
    adding[0].disabled = parts.length >= MOST;
    byId("questions").classList.toggle("filtering", parts.length > 0);
    if (answered) note.textContent = t("conditions_note", { n: count(answered.unknown) });
  };
  store.on(["query", "view"], draw);
  draw();
}

/** What is said to those whom figures are told as published only. */
function refused() {
  return el(
    "p",
    { class: "conditions-note" },
    t("conditions_refused"),
    " ",
    !sight.signed_in && el("a", { href: signInAddress(), text: t("sign_in") }),
  );
}

/** A condition that was removed leaves the focus to the one after it. */
function focusAfter(list, add, gone) {
  const rows = list.querySelectorAll(".condition .remove-condition");
  const next = rows[Math.min(Math.max(gone, 0), rows.length - 1)] ?? add;
  next.focus();
}

function form(panel, text, done) {
  return conditionForm(text, (made) => {
    panel.hidePopover();
    done(made);
  });
}

function row(store, part, at, item) {
  const { kind, values } = partOf(part);
  const replace = (made) => setParts(store, Object.assign(partsOf(store.get().query), { [at]: made }));
  // Until the answer is there, what kind of condition it is has to do.
  const title = item?.title ?? (kind in KINDS ? t(`condition_${kind}`) : "…");
  return el(
    "li",
    { class: "condition-row" },
    at > 0 && el("span", { class: "and", text: t("conditions_and") }),
    el(
      "div",
      { class: "condition" },
      el("span", { class: "condition-mark", "aria-hidden": "true" }, markOf(kind, values)),
      el(
        "span",
        { class: "condition-words" },
        item ? [el("strong", { text: item.about }), ` ${item.asked}`] : el("strong", { text: title }),
      ),
      item && amount(item),
      kind in KINDS &&
        menu({ icon: "chevron", label: t("conditions_edit", { title }), className: "icon-button small" }, (panel) =>
          form(panel, part, replace),
        ),
      iconButton(
        "close",
        t("drop", { condition: title }),
        () =>
          setParts(
            store,
            partsOf(store.get().query).filter((_, other) => other !== at),
          ),
        "icon-button small remove-condition",
      ),
    ),
  );
}

/** How many are left after a condition, and of how many that cannot be told. */
function amount({ matches, unknown }) {
  return el(
    "span",
    { class: "condition-count" },
    el("span", { class: "vh", text: t("conditions_left", { n: count(matches), u: count(unknown) }) }),
    el("span", { "aria-hidden": "true", text: count(matches) }),
    unknown > 0 &&
      el("span", { class: "condition-open", "aria-hidden": "true" }, cell("unknown"), count(unknown)),
  );
}

function markOf(kind, values) {
  if (kind === "gap" || (kind === "class" && values[0] === "gap")) return mark(values[kind === "gap" ? 0 : 1]);
  if (kind === "double_none") return swatch("double-none");
  if (kind === "hot") return swatch("hot+3");
  return kind === "cold" ? swatch("hot-3") : null;
}

/** While there are conditions the open question shows its controls only where somebody asks for them. */
function optionsToggle() {
  const button = el("button", {
    type: "button",
    class: "text-button conditions-options",
    "aria-expanded": "false",
    "aria-controls": "questions",
    on: {
      click: () => {
        const open = byId("questions").classList.toggle("with-options");
        button.setAttribute("aria-expanded", String(open));
        button.lastChild.textContent = t(open ? "conditions_fewer" : "conditions_more");
      },
    },
  });
  button.append(icon("chevron"), t("conditions_more"));
  return button;
}
