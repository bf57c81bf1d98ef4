/** The ranked list behind the map, worst first; a grid that arrow keys walk and Enter opens. */

import { byId, el, icon, show, unbroken } from "./dom.js";
import { inSentence } from "./empty.js";
import { figureButton, menu } from "./floating.js";
import { noMatchOf, wayOutOf } from "./conditions_empty.js";
import { afterPaint } from "./later.js";
import { startRows } from "./rows.js";
import { ariaSort, nextSort, orderOf } from "./sorting.js";
import { ask } from "./state.js";
import { viewParams } from "./url.js";
import { count, joined, language, page, sight, t } from "./words.js";

const MARKS = { gap: "--gap-3", double_none: "--double-none", hotspots: "--hot-plus-3" };

/**
 * Bring the list to life.
 * @param {object} store
 * @param {{choose: (id: string, how?: object) => void, retry: () => void}} actions
 */
export function startList(store, { choose, retry }) {
  const node = byId("list");
  let rows = null;
  let shown = null;
  const draw = () => {
    const { view, failure, sliding } = store.get();
    // While a limit is dragged the list stays where it was scrolled to.
    const top = sliding && shown ? (node.querySelector(".rows")?.scrollTop ?? 0) : 0;
    rows?.stop();
    rows = null;
    shown = view;
    if (!view) {
      show(
        node,
        heading(store),
        failure ? trouble(store, retry) : el("p", { class: "list-wait", text: t("loading") }),
      );
      return;
    }
    const { sort } = store.get();
    const { needs } = view.headlines[view.query.question];
    const grid = view.rows.id.length && !needs.length ? gridOf(store) : null;
    const none = () => (view.conditions ? noMatchOf(store) : grid ? null : noMatch(store));
    const nothing = needs.length ? lacking(needs) : none();
    show(node, heading(store), failure && trouble(store, retry), nothing, grid);
    if (grid) rows = startRows(grid.querySelector(".rows"), view, { choose, top, order: orderOf(view, sort) });
    rows?.choose(store.get().select);
  };
  store.on(["view", "failure", "saved"], draw);
  const sorted = () => {
    const held = document.activeElement;
    const within = node.contains(held);
    const column = held === document.body ? (store.get().sort?.column ?? pressed) : within && held.dataset.column;
    const row = within && held.closest(".row")?.dataset.id;
    draw();
    // What had the focus is made anew and keeps it; who has gone on meanwhile is not fetched back.
    if (column) node.querySelector(`[data-column="${column}"]`)?.focus();
    if (row) rows?.focus(row);
  };
  store.on(["sort"], () => afterPaint(sorted));
  store.on(["select"], ({ select }) => rows?.choose(select));
  draw();
  return { focus: (id) => rows?.focus(id) };
}

function heading(store) {
  const { view, query } = store.get();
  return el(
    "div",
    { class: "list-head" },
    el("h2", { id: "list-title", text: nameOf(store) ?? view?.list.title ?? t("list") }),
    el("p", {
      class: "list-subtitle",
      text: view && !view.headlines[query.question].needs.length ? view.list.subtitle : "",
    }),
    sight.take &&
      view?.rows.id.length > 0 &&
      !view.headlines[query.question].needs.length &&
      menu({ icon: "download", label: t("download") }, () => downloads(query, view)),
  );
}

/** What the conditions are saved as, while they are those that were saved. */
function nameOf(store) {
  const { saved, query, view } = store.get();
  return saved && view?.conditions && saved.where === query.where ? saved.name : null;
}

function downloads(query, view) {
  const address = (path, format) => {
    const params = viewParams(query);
    if (format) params.set("format", format);
    if (language !== "zh") params.set("lang", language);
    return `${path}?${params}`;
  };
  const item = (key, path, format) =>
    el("a", { class: "menu-item", href: address(path, format), download: true, text: t(key) });
  return [
    el("p", { class: "menu-note", text: t("download_what", { n: count(view.rows.id.length) }) }),
    item("download_csv", "/download", "csv"),
    item("download_xlsx", "/download", "xlsx"),
    item("download_gpkg", "/download", "gpkg"),
    item("download_map", "/export-map"),
  ];
}

/** What a list has to wait for where the question cannot be answered yet. */
function lacking(needs) {
  const names = joined(needs.map((layer) => inSentence(page.layers[layer])));
  return el(
    "div",
    { class: "no-match" },
    el("p", { class: "trouble-title", text: t("list_none") }),
    el("p", { text: t("list_none_more", { layers: names }) }),
  );
}

function trouble(store, retry) {
  const { failure } = store.get();
  const wayOut = wayOutOf(store);
  return el(
    "div",
    { class: "trouble", role: "alert" },
    el("p", { class: "trouble-title", text: t("error_view") }),
    el("p", { text: failure.sentence }),
    el("p", { text: t("error_still") }),
    wayOut ?? el("button", { type: "button", class: "button", on: { click: retry } }, icon("retry"), t("retry")),
  );
}

/** The column that was pressed last. */
let pressed = "value";

function gridOf(store) {
  const { view, sort } = store.get();
  const { query, rows, list } = view;
  const withSeats = rows.seats.some(Boolean);
  const withMonths = rows.months.some((months) => months?.some(Boolean));
  const press = (column) => {
    pressed = column;
    store.set({ sort: nextSort(store.get().sort, column) });
  };
  const head = (className, column, text, ...more) => {
    const order = ariaSort(sort, column);
    const arrow = { ascending: "\u00a0↑", descending: "\u00a0↓", none: "" }[order];
    return el(
      "span",
      { role: "columnheader", class: className, "aria-sort": order },
      el(
        "button",
        { type: "button", class: "sort", "data-column": column, on: { click: () => press(column) } },
        unbroken(text),
        el("span", { class: "sort-arrow", "aria-hidden": "true", text: arrow }),
      ),
      ...more,
    );
  };
  const meaning = figureButton(
    "meaning",
    { definition: list.column.definition, title: list.column.title },
    el("span", { class: "vh", text: t("meaning", { title: list.column.title }) }),
    el("span", { "aria-hidden": "true", text: "?" }),
  );
  return el(
    "div",
    {
      class: "grid",
      role: "grid",
      "aria-labelledby": "list-title",
      "aria-rowcount": rows.id.length + 1,
      vars: { "--mark": `var(${MARKS[query.question]})` },
      "data-limit": sight.limit && query.question === "gap",
      "data-seats": withSeats,
      "data-months": withMonths,
    },
    el(
      "div",
      { role: "rowgroup" },
      el(
        "div",
        { class: "columns", role: "row", "aria-rowindex": 1 },
        el("span", { role: "columnheader", class: "rank", text: t("rank") }),
        head("name", "name", t("col_name")),
        withSeats && head("four", "seats", t("col_seats")),
        head("value", "value", list.column.title, meaning),
        withMonths && head("months", "months", t("col_months")),
      ),
    ),
    el("div", { class: "rows", role: "rowgroup" }),
  );
}

function noMatch(store) {
  const { query, view } = store.get();
  if (view.headlines[query.question].needs.length)
    return el("p", { class: "list-wait", text: view.headlines[query.question].label });
  const { district } = page;
  const conditions = [
    ["community_kind", district.community_kinds.find(({ id }) => id === query.community_kind)?.title],
    ["subdistrict", district.subdistricts.find(({ id }) => id === query.subdistrict)?.name],
  ].filter(([, title]) => title);
  return el(
    "div",
    { class: "no-match" },
    el("p", { class: "trouble-title", text: t("no_match") }),
    el("p", {
      text: conditions.length ? t("no_match_by", { condition: conditions[0][1] }) : t("nothing_counted"),
    }),
    el(
      "div",
      { class: "drops" },
      conditions.map(([name, title]) =>
        el("button", {
          type: "button",
          class: "button",
          text: t("drop", { condition: title }),
          on: { click: () => ask(store, { [name]: "" }) },
        }),
      ),
    ),
  );
}
