/** The ranked list behind the map, worst first; a grid that arrow keys walk and Enter opens. */

import { byId, el, icon, show } from "./dom.js";
import { figureButton, menu } from "./floating.js";
import { seatsGlyph, seatsText, sparkline, tokenVariable } from "./shapes.js";
import { ask } from "./state.js";
import { viewParams } from "./url.js";
import { count, language, page, t } from "./words.js";

const PAGE = 200;

/**
 * Bring the list to life.
 * @param {object} store
 * @param {{choose: (id: string) => void, retry: () => void}} actions
 */
export function startList(store, { choose, retry }) {
  const node = byId("list");
  let shown = PAGE;
  const draw = () => {
    const { view, failure } = store.get();
    if (failure && !view) show(node, heading(store), trouble(failure, retry));
    else if (!view) show(node, el("p", { class: "list-wait", text: t("loading") }));
    else show(node, heading(store), failure && trouble(failure, retry), rows(store, shown));
    follow();
  };
  const follow = () => {
    const { select } = store.get();
    const old = node.querySelector('[aria-selected="true"]');
    const row = select ? find(node, select) : null;
    if (old !== row) old?.setAttribute("aria-selected", "false");
    row?.setAttribute("aria-selected", "true");
    const entry = row ?? node.querySelector('.row[tabindex="0"]') ?? node.querySelector(".row");
    node.querySelectorAll('.row[tabindex="0"]').forEach((other) => other.setAttribute("tabindex", "-1"));
    entry?.setAttribute("tabindex", "0");
    if (row && !row.contains(document.activeElement)) row.scrollIntoView({ block: "nearest" });
  };
  store.on(["view", "failure"], () => {
    shown = PAGE;
    draw();
    node.querySelector(".rows")?.scrollTo({ top: 0 });
  });
  store.on(["select", "view"], () => {
    const { view, select } = store.get();
    const at = view && select ? view.rows.id.indexOf(select) : -1;
    if (at >= shown) {
      shown = Math.ceil((at + 1) / PAGE) * PAGE;
      draw();
    } else follow();
  });
  node.addEventListener("click", ({ target }) => {
    const row = target.closest?.(".row");
    if (row) choose(row.dataset.id);
    else if (target.closest?.(".more")) {
      const first = shown;
      shown += PAGE;
      draw();
      node.querySelectorAll(".row")[first]?.focus();
    }
  });
  node.addEventListener("keydown", (event) => walk(event, node, choose));
  draw();
}

function find(node, id) {
  return node.querySelector(`.row[data-id="${CSS.escape(id)}"]`);
}

function walk(event, node, choose) {
  const row = event.target.closest?.(".row");
  if (!row) return;
  const all = [...node.querySelectorAll(".row")];
  const at = all.indexOf(row);
  const step = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1, PageDown: Math.min(at + 8, all.length - 1), PageUp: Math.max(at - 8, 0) }[event.key];
  if (event.key === "Enter" || event.key === " ") choose(row.dataset.id, { byKeyboard: true });
  else if (step === undefined || !all[step]) return;
  else {
    row.setAttribute("tabindex", "-1");
    all[step].setAttribute("tabindex", "0");
    all[step].focus();
  }
  event.preventDefault();
}

function heading(store) {
  const { view, query } = store.get();
  const title = view?.list.title ?? t("list");
  return el(
    "div",
    { class: "list-head" },
    el("h2", { id: "list-title" }, title),
    el("p", { class: "list-subtitle", text: view?.list.subtitle ?? "" }),
    view && view.rows.id.length > 0 && menu({ icon: "download", label: t("download") }, () => downloads(query, view)),
  );
}

function downloads(query, view) {
  const address = (path, format) => {
    const params = viewParams(query);
    if (format) params.set("format", format);
    if (language !== "zh") params.set("lang", language);
    return `${path}?${params}`;
  };
  const item = (key, path, format) => el("a", { class: "menu-item", href: address(path, format), download: true, text: t(key) });
  return [
    el("p", { class: "menu-note", text: t("download_what", { n: count(view.rows.id.length) }) }),
    item("download_csv", "/download", "csv"),
    item("download_xlsx", "/download", "xlsx"),
    item("download_gpkg", "/download", "gpkg"),
    item("download_map", "/export-map"),
  ];
}

function trouble(failure, retry) {
  return el(
    "div",
    { class: "trouble", role: "alert" },
    el("p", { class: "trouble-title", text: t("error_view") }),
    el("p", { text: failure.sentence }),
    el("p", { text: t("error_still") }),
    el("button", { type: "button", class: "button", on: { click: retry } }, icon("retry"), t("retry")),
  );
}

function rows(store, shown) {
  const { view } = store.get();
  const { rows: all } = view;
  const total = all.id.length;
  if (!total) return noMatch(store);
  const withSeats = Boolean(all.seats?.some(Boolean));
  const withMonths = Boolean(all.months?.some((months) => months?.length));
  const columns = Object.fromEntries(view.list.columns.map((column) => [column.id, column]));
  const value = columns.value ?? columns[view.list.sort] ?? view.list.columns.at(-1) ?? { title: "" };
  const top = Math.max(...all.value.filter((x) => x !== null), 0);
  const upTo = Math.min(shown, total);
  const made = [];
  for (let i = 0; i < upTo; i += 1) made.push(row(all, i, { top, withSeats, withMonths }));
  const rest = total - upTo;
  const head = (className, text, sort) => el("span", { role: "columnheader", class: className, "aria-sort": sort, text });
  return [
    el(
      "div",
      { class: "grid", role: "grid", "aria-labelledby": "list-title", "aria-rowcount": total + 1, vars: { "--mark": `var(${markVariable(view.query.question)})` }, "data-seats": withSeats, "data-months": withMonths },
      el(
        "div",
        { role: "rowgroup" },
        el(
          "div",
          { class: "columns", role: "row", "aria-rowindex": 1 },
          head("rank", t("rank")),
          head("name", columns.name?.title ?? t("col_name")),
          withSeats && head("four", columns.seats?.title ?? t("col_seats")),
          el("span", { role: "columnheader", class: "value", "aria-sort": "descending" }, value.title, el("span", { "aria-hidden": "true", text: " ↓" })),
          withMonths && head("months", columns.months?.title ?? t("col_months")),
        ),
      ),
      el("div", { class: "rows", role: "rowgroup" }, made, rest > 0 && el("button", { type: "button", class: "more", text: rest > PAGE ? t("show_more", { n: PAGE, rest: count(rest) }) : t("show_all", { n: rest }) })),
    ),
  ];
}

function markVariable(question) {
  return { gap: "--gap-3", double_none: "--double-none", hotspots: "--hot-plus-3" }[question];
}

function row(all, i, { top, withSeats, withMonths }) {
  const value = all.value[i];
  const seats = all.seats?.[i];
  const months = all.months?.[i];
  return el(
    "div",
    { class: "row", role: "row", tabindex: "-1", "aria-rowindex": i + 2, "aria-selected": "false", "data-id": all.id[i] },
    el("span", { class: "rank", role: "gridcell", text: i + 1 }),
    el("span", { class: "name", role: "rowheader" }, el("span", { class: "name-text", text: all.name[i] ?? all.id[i] }), el("span", { class: "place", text: all.place[i] ?? "" })),
    withSeats && el("span", { class: "four", role: "gridcell", "aria-label": seats ? seatsText(seats) : null }, seats ? seatsGlyph(seats) : ""),
    el("span", { class: "value", role: "gridcell" }, el("span", { class: "value-text", text: all.value_text[i] ?? t("not_known") }), el("span", { class: value === null ? "bar hatched" : "bar", "aria-hidden": "true", vars: { "--share": top > 0 && value !== null ? Math.max(0, value) / top : 0 } })),
    withMonths && el("span", { class: "months", role: "gridcell", "aria-label": months ? t("months_title", { months: months.join(", ") }) : null }, months ? sparkline(months) : ""),
  );
}

function noMatch(store) {
  const { query, view } = store.get();
  if (view.headlines[query.question].needs?.length) return null;
  const { district } = page;
  const conditions = [
    ["community_kind", district.community_kinds.find(({ id }) => id === query.community_kind)?.title],
    ["subdistrict", district.subdistricts.find(({ id }) => id === query.subdistrict)?.name],
  ].filter(([, title]) => title);
  const { unknown } = view.headlines[query.question].figure ?? {};
  return el(
    "div",
    { class: "no-match" },
    el("p", { class: "trouble-title", text: t("no_match") }),
    el("p", { text: conditions.length ? t("no_match_by", { condition: conditions[0][1] }) : t("nothing_counted") }),
    unknown > 0 && el("p", { text: t("no_match_unknown", { n: count(unknown) }) }),
    el("div", { class: "drops" }, conditions.map(([name, title]) => el("button", { type: "button", class: "button", text: t("drop", { condition: title }), on: { click: () => ask(store, { [name]: "" }) } }))),
  );
}

/** The strip over the map: the figures of the current filter. */
export function startStrip(store) {
  const node = byId("strip");
  const draw = () => {
    const { view, query } = store.get();
    if (!view) return;
    const { district } = page;
    const where = [district.subdistricts.find(({ id }) => id === query.subdistrict)?.name, district.community_kinds.find(({ id }) => id === query.community_kind)?.title].filter(Boolean);
    show(
      node,
      el("p", { class: "strip-where", text: where.length ? where.join(" · ") : t("whole_district") }),
      view.strip.map(({ title, value_text: value, tone, definition }) => figureButton(`strip-figure ${tone ?? ""}`, { definition, title, value, date: view.as_of }, title, " ", el("strong", { text: value }))),
    );
  };
  store.on(["view"], draw);
  draw();
}
