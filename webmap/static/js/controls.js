/** The controls of the open question: facility kind, unit of counting, period. */

import { el, icon } from "./dom.js";
import { mark } from "./shapes.js";
import { ask } from "./state.js";
import { unitsOf } from "./url.js";
import { count, page, sight, t } from "./words.js";

const { district } = page;
const SQUARES = [50, 100, 200, 500];
const HEXAGONS = [8, 9, 10, 11];

/** Which kind of facility, and its limit. */
export function kindControl({ kind }) {
  const known = district.facility_kinds.find(({ id }) => id === kind);
  const options = district.facility_kinds.map(({ id, title, limit_m: limit, count: n }) =>
    el("option", {
      value: id,
      selected: id === kind,
      text: `${title} · ${t("standard_limit", { m: count(limit) })} · ${t("facilities_count", { n: count(n) })}`,
    }),
  );
  return el(
    "div",
    { class: "control" },
    el("label", { class: "control-label", for: "kind", text: t("service") }),
    el(
      "div",
      { class: "pick" },
      el("select", { id: "kind", name: "kind" }, options),
      el(
        "span",
        { class: "pick-face", "aria-hidden": "true" },
        mark(kind),
        el("span", { class: "pick-text", text: known?.title ?? kind }),
        // Who may choose a limit has it in a control of its own.
        known &&
          !sight.limit &&
          el("span", { class: "pick-more", text: t("standard_limit", { m: count(known.limit_m) }) }),
      ),
    ),
  );
}

/** What is counted by. */
export function unitControl({ question, unit }, store) {
  const family = (id) => id.split(":")[0];
  const choices = unitsOf(question).map(({ id, title }) => {
    const same = family(id) === family(unit);
    const value = same ? unit : id;
    return el(
      "label",
      { class: "segment" },
      el("input", { class: "vh", type: "radio", name: "unit", value, checked: same }),
      el("span", { text: same && unit !== id ? unitTitle(unit) : title }),
    );
  });
  return el(
    "fieldset",
    { class: "control" },
    el("legend", { class: "control-label", text: t("unit") }),
    sizeControl(unit, store),
    el(
      "div",
      { class: "segments", "data-question": question, "data-pairs": choices.length < 5 && choices.length !== 3 },
      choices,
    ),
  );
}

/** The title of a unit of counting, also of a size that the district does not list. */
function unitTitle(unit) {
  const listed = district.units.find(({ id }) => id === unit);
  if (listed) return listed.title;
  const [family, size] = unit.split(":");
  return family === "square" || family === "h3" ? t(`${family}_unit`, { n: size }) : unit;
}

/** Cells come in sizes: a small choice beside the unit's heading. */
function sizeControl(unit, store) {
  const [family, size] = unit.split(":");
  const sizes = { square: SQUARES, h3: HEXAGONS }[family];
  if (!sizes) return null;
  const all = sizes.includes(Number(size)) ? sizes : [...sizes, Number(size)].sort((a, b) => a - b);
  const title = (n) => t(family === "square" ? "cell_size" : "hex_size", { n });
  const choice = el(
    "select",
    {
      name: "size",
      "aria-label": t("size"),
      on: { change: ({ target }) => ask(store, { unit: `${family}:${target.value}` }) },
    },
    all.map((n) => el("option", { value: n, selected: String(n) === size, text: title(n) })),
  );
  return el("span", { class: "size" }, choice, icon("chevron"));
}

/** From which day to which day complaints count; both ends go together. The public has one period only. */
export function periodControl(store) {
  const { query, view } = store.get();
  if (!sight.period) return periodNote(view);
  const shown = view?.query.question === "hotspots" ? view.query : query;
  const { from: first, to: last } = district.complaints;
  const day = (name, label) =>
    el("input", {
      type: "date",
      name,
      "aria-label": label,
      value: query[name] || shown[name] || null,
      min: first,
      max: last,
    });
  const [from, to] = [day("from", t("period_from")), day("to", t("period_to"))];
  const change = (event) => {
    event.stopPropagation();
    to.setCustomValidity(from.value && to.value && from.value > to.value ? t("period_order") : "");
    if (from.reportValidity() && to.reportValidity()) ask(store, { from: from.value, to: to.value });
  };
  const preset = (name, patch) =>
    el("button", {
      type: "button",
      name,
      class: "text-button",
      text: t(name),
      on: { click: () => ask(store, patch) },
    });
  return el(
    "fieldset",
    { class: "control", on: { change } },
    el("legend", { class: "control-label", text: t("period") }),
    el("div", { class: "days" }, from, el("span", { text: "–", "aria-hidden": "true" }), to),
    el(
      "div",
      { class: "presets" },
      district.as_of && preset("period_year", { from: "", to: "" }),
      first && preset("period_all", district.as_of ? { from: first, to: last } : { from: "", to: "" }),
    ),
  );
}

function periodNote(view) {
  if (view?.query.question !== "hotspots") return null;
  const { from, to } = view.query;
  return el(
    "div",
    { class: "control" },
    el("p", { class: "control-label", text: t("period") }),
    el("p", { class: "fixed-days", text: from ? `${from} – ${to}` : t("period_all") }),
    el("p", { class: "control-note", text: t("period_public") }),
  );
}
