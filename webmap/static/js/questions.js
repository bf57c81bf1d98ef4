/** The left panel: three questions as choices; the open one carries its controls. */

import { byId, dated, el, setAttribute, show } from "./dom.js";
import { figureButton } from "./floating.js";
import { mark, swatch, tokenVariable } from "./shapes.js";
import { ask } from "./state.js";
import { QUESTIONS, defaultUnit } from "./url.js";
import { count, page, percent, t } from "./words.js";

const { district } = page;
const SQUARES = [50, 100, 200, 500];
const HEXAGONS = [8, 9, 10, 11];

/** Bring the panel to life. */
export function startQuestions(store) {
  const form = byId("questions");
  const units = { [store.get().query.question]: store.get().query.unit };
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("change", ({ target }) => {
    if (target.name === "question") {
      const { question, unit } = store.get().query;
      units[question] = unit;
      ask(store, { question: target.value, unit: units[target.value] ?? defaultUnit(target.value) });
    } else if (target.name in store.get().query && target.checkValidity()) {
      ask(store, { [target.name]: target.value });
    }
  });
  store.on(["query"], () => draw(store));
  store.on(["view", "failure"], () => draw(store));
  startScope(store);
  draw(store);
}

function draw(store) {
  const { query, view } = store.get();
  for (const question of QUESTIONS) {
    const section = document.querySelector(`.question[data-question="${question}"]`);
    const open = query.question === question;
    section.classList.toggle("open", open);
    section.querySelector("input[name=question]").checked = open;
    if (view) drawHeadline(section.querySelector("[data-part=headline]"), question, view);
    const controls = section.querySelector("[data-part=controls]");
    controls.hidden = !open;
    if (open) drawControls(controls, store);
    else show(controls);
  }
}

function drawHeadline(node, question, view) {
  const headline = view.headlines[question];
  if (headline.needs.length) {
    show(node, el("p", { class: "basis", text: headline.label }));
    return;
  }
  const { of, unknown } = headline.figure;
  const figure = {
    definition: headline.definition,
    title: headline.label,
    value: headline.value_text,
    of: count(of),
    unknown: count(unknown),
    date: view.as_of,
  };
  show(
    node,
    figureButton(
      "headline-figure",
      figure,
      el("span", { class: "value", text: headline.value_text }),
      " ",
      el("span", { class: "label", text: headline.label }),
    ),
    el("p", { class: "basis" }, dated(headline.basis)),
    headline.parts.length > 0 && [composition(headline.parts), partKeys(question, headline.parts)],
  );
}

function composition(parts) {
  return el(
    "div",
    { class: "composition", "aria-hidden": "true" },
    parts
      .filter(({ count: n }) => n > 0)
      .map(({ token, count: n }) =>
        el("span", {
          class: token === "hatch" ? "part hatched" : "part",
          vars: { "--size": n, "--fill": token === "hatch" ? null : `var(${tokenVariable(token)})` },
        }),
      ),
  );
}

/** The worst class and the unknown; all are in the legend. */
function partKeys(question, parts) {
  const ends = [question === "hotspots" ? parts.at(-2) : parts[0], parts.at(-1)].filter(
    ({ count: n }) => n > 0,
  );
  return el(
    "p",
    { class: "part-keys" },
    ends.map(({ title, count: n, token }) => el("span", {}, swatch(token), `${title} ${count(n)}`)),
  );
}

function drawControls(node, store) {
  const { query, view } = store.get();
  // A control that holds the focus stays: it is the one being used.
  const focused =
    document.activeElement?.name && node.contains(document.activeElement) ? document.activeElement : null;
  show(
    node,
    query.question === "gap" && kindControl(query),
    query.question === "hotspots" && periodControl(store),
    unitControl(query, store),
    view?.query.question === query.question && [query.question === "gap" && threeWays(view), method(view)],
  );
  if (focused) {
    const same = [...node.querySelectorAll(`[name="${focused.name}"]`)];
    (same.find((input) => input.type !== "radio" || input.checked) ?? same[0])?.focus();
  }
}

function kindControl({ kind }) {
  const known = district.facility_kinds.find(({ id }) => id === kind);
  const options = district.facility_kinds.map(({ id, title, limit_m: limit, count: n }) =>
    el("option", {
      value: id,
      selected: id === kind,
      text: `${title} · ${t("limit", { m: count(limit) })} · ${t("facilities_count", { n: count(n) })}`,
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
        known && el("span", { class: "pick-more", text: t("limit_chip", { m: count(known.limit_m) }) }),
      ),
    ),
  );
}

function unitControl({ question, unit }, store) {
  const family = (id) => id.split(":")[0];
  const choices = district.units.map(({ id, title }) => {
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
    el("div", { class: "segments", "data-question": question }, choices),
  );
}

/** The title of a unit of counting, also of a size that the district does not list. */
export function unitTitle(unit) {
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
  return el(
    "select",
    {
      class: "size",
      name: "size",
      "aria-label": t("size"),
      on: { change: ({ target }) => ask(store, { unit: `${family}:${target.value}` }) },
    },
    all.map((n) => el("option", { value: n, selected: String(n) === size, text: title(n) })),
  );
}

function periodControl(store) {
  const { query, view } = store.get();
  const shown = view?.query.question === "hotspots" ? view.query : query;
  const { from: first, to: last } = district.complaints ?? {};
  const day = (name, label) =>
    el(
      "label",
      { class: "day" },
      el("span", { class: "vh", text: label }),
      el("input", { type: "date", name, value: query[name] || shown[name] || null, min: first, max: last }),
    );
  const preset = (label, patch) =>
    el("button", {
      type: "button",
      class: "text-button",
      text: label,
      on: { click: () => ask(store, patch) },
    });
  return el(
    "fieldset",
    { class: "control" },
    el("legend", { class: "control-label", text: t("period") }),
    el(
      "div",
      { class: "days" },
      day("from", t("period_from")),
      el("span", { text: "–", "aria-hidden": "true" }),
      day("to", t("period_to")),
    ),
    el(
      "div",
      { class: "presets" },
      preset(t("period_year"), { from: "", to: "" }),
      first && preset(t("period_all"), { from: first, to: last }),
    ),
  );
}

function threeWays(view) {
  if (!view.three_ways.length) return null;
  const way = ({ title, share, share_text: text, unknown_share: unknown, definition }) =>
    el(
      "div",
      { class: "way" },
      el("dt", { text: title }),
      el(
        "dd",
        {},
        el("span", {
          class: "bar",
          "aria-hidden": "true",
          vars: { "--share": share ?? 0, "--unknown": unknown ?? 0 },
        }),
        figureButton(
          "way-value",
          {
            definition,
            title,
            value: text,
            unknown: unknown > 0 ? percent(unknown) : null,
            date: view.as_of,
          },
          text,
        ),
        unknown > 0 &&
          el("span", { class: "vh", text: t("three_ways_unknown", { share: percent(unknown) }) }),
      ),
    );
  return el(
    "div",
    { class: "control" },
    el("p", { class: "control-label", text: t("three_ways") }),
    el("dl", { class: "ways" }, view.three_ways.map(way)),
  );
}

function method({ question }) {
  return el(
    "div",
    { class: "method" },
    el("p", { text: t(`line_${question.id}`) }),
    el("p", {}, dated(question.method)),
  );
}

function startScope(store) {
  const node = byId("scope");
  const choices = (items, chosen, all) => [
    el("option", { value: "", selected: !chosen, text: all }),
    items.map(({ id, name, title }) =>
      el("option", { value: id, selected: id === chosen, text: title ?? name }),
    ),
  ];
  const pick = (name, label, options) =>
    el(
      "div",
      { class: "control" },
      el("label", { class: "control-label", for: name, text: label }),
      el("div", { class: "pick plain" }, el("select", { id: name, name }, options)),
    );
  const { query } = store.get();
  const clear = el("button", {
    type: "button",
    class: "text-button",
    text: t("clear"),
    on: { click: () => ask(store, { subdistrict: "", community_kind: "" }) },
  });
  show(
    node,
    el("div", { class: "scope-head" }, el("h2", { id: "scope-title", text: t("scope") }), clear),
    el(
      "div",
      { class: "scope-picks" },
      pick(
        "subdistrict",
        t("subdistrict"),
        choices(district.subdistricts, query.subdistrict, t("whole_district")),
      ),
      pick(
        "community_kind",
        t("community_kind"),
        choices(district.community_kinds, query.community_kind, t("all_kinds")),
      ),
    ),
  );
  const follow = ({ query: { subdistrict, community_kind: kind } }) => {
    node.querySelector("#subdistrict").value = subdistrict;
    node.querySelector("#community_kind").value = kind;
    setAttribute(clear, "hidden", !subdistrict && !kind);
  };
  store.on(["query"], follow);
  follow(store.get());
}
