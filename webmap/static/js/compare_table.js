/** The cross-table of two questions: any cell shows its units on both maps, and becomes a condition. */

import { wayOutOf } from "./conditions_empty.js";
import { AND, MOST, partsOf } from "./conditions_model.js";
import { byId, el, icon, show } from "./dom.js";
import { isOpen } from "./map/states.js";
import { swatch } from "./shapes.js";
import { writeAddress } from "./url.js";
import { sight, t } from "./words.js";

export const WORST = "worst";
const CELLS = /^(square|h3)/;
const KEYS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

/** What a cell is called in the address. */
function cellId(column, row) {
  return `${column.id}~${row.id}`;
}

/** The columns and rows that are chosen: one cell, or all that both questions look for; null where nothing is. */
export function picked(table, cell) {
  if (!table || !cell) return null;
  const of = (groups, id) => groups.filter((one) => (cell === WORST ? one.worst : one.id === id));
  const [column, row] = cell.split("~");
  const columns = of(table.left.groups, column);
  const rows = of(table.right.groups, row);
  return columns.length && rows.length ? { columns, rows } : null;
}

/**
 * Bring the table to life.
 * @param {object} store
 * @param {{retry: () => void}} actions
 */
export function startTable(store, { retry }) {
  const node = byId("crossing");
  let at = [0, 0];
  const draw = () => {
    const state = store.get();
    const { table, failure, needs } = state;
    const held = node.querySelector("table")?.contains(document.activeElement);
    if (failure) show(node, trouble(store, retry));
    else if (!table) show(node, el("p", { class: "list-wait", text: t("loading") }));
    else if (needs) show(node, el("p", { class: "list-wait", text: needs }));
    else {
      at = [Math.min(at[0], table.right.groups.length - 1), Math.min(at[1], table.left.groups.length - 1)];
      show(node, summary(store), el("div", { class: "crossing-box" }, grid(store, at)));
    }
    if (held) node.querySelector("td button[tabindex='0']")?.focus();
  };
  node.addEventListener("keydown", (event) => {
    const by = KEYS[event.key];
    const button = event.target.closest("td button");
    if (!by || !button) return;
    event.preventDefault();
    const { right, left } = store.get().table;
    const move = (i, count) => Math.min(Math.max(at[i] + by[i], 0), count - 1);
    at = [move(0, right.groups.length), move(1, left.groups.length)];
    button.tabIndex = -1;
    const next = node.querySelectorAll("tbody tr")[at[0]].querySelectorAll("button")[at[1]];
    next.tabIndex = 0;
    next.focus();
  });
  node.addEventListener("click", ({ target }) => {
    const button = target.closest("td button");
    if (!button) return;
    at = [button.closest("tr").sectionRowIndex, button.closest("td").cellIndex - 1];
    const { cell } = store.get();
    store.set({ cell: cell === button.dataset.cell ? null : button.dataset.cell });
  });
  store.on(["table", "failure", "cell", "needs"], draw);
  draw();
}

function trouble(store, retry) {
  const { failure } = store.get();
  return el(
    "div",
    { class: "trouble", role: "alert" },
    el("p", { class: "trouble-title", text: t("error_compare") }),
    el("p", { text: failure.sentence }),
    el("p", { text: t("error_still") }),
    wayOutOf(store) ??
      el("button", { type: "button", class: "button", on: { click: retry } }, icon("retry"), t("retry")),
  );
}

/** The title of what is chosen, as a person would say it. */
export function pickedTitle(table, cell) {
  const found = picked(table, cell);
  if (!found || cell === WORST) return table.worst.title;
  return t("compare_cell", { column: named(found.columns[0]), row: named(found.rows[0]) });
}

/** A class as it stands alone: between the others of its table a range of metres needs no unit. */
function named({ title }) {
  return /^[\d,]+–[\d,]+$/.test(title) ? `${title} m` : title;
}

function figuresOf(table, cell) {
  const found = picked(table, cell);
  if (!found || cell === WORST) return table.worst;
  const [column, row] = [found.columns[0], found.rows[0]];
  return table.cells[table.right.groups.indexOf(row)][table.left.groups.indexOf(column)];
}

function summary(store) {
  const { table, cell } = store.get();
  const { unit, total, residents_told: told } = table;
  const figures = figuresOf(table, cell);
  const units = t("compare_units", { n: figures.units_text, unit: unit.counted });
  const people = figures.residents_text && t("compare_people", { n: figures.residents_text });
  const share = Math.round((figures.units / Math.max(total.units, 1)) * 1000) / 10;
  const met = table.conditions;
  const of = figures.share_text
    ? t(met ? "compare_share_met" : "compare_share", { total: total.residents_text, share: figures.share_text })
    : t(met ? "compare_share_units_met" : "compare_share_units", {
        total: total.units_text,
        unit: unit.counted,
        share: `${share.toFixed(1)}%`,
      });
  const shown = Boolean(picked(table, cell));
  return el(
    "div",
    { class: "crossing-sum" },
    el("h2", { text: pickedTitle(table, cell) }),
    el(
      "p",
      { class: "crossing-number" },
      el("strong", { class: "value", text: people ?? units }),
      people && el("span", { text: ` ${units}` }),
    ),
    el("p", { text: `${of}${table.as_of ? ` · ${table.as_of}` : ""}` }),
    met &&
      el("p", {
        class: "crossing-met",
        text: t("compare_met", {
          title: met.title,
          n: met.matches_text,
          of: met.of_text,
          u: met.unknown_text,
          unit: unit.counted,
        }),
      }),
    !told && el("p", { text: t("compare_untold", { unit: unit.counted }) }),
    told && total.unknown > 0 && el("p", { text: t("compare_unknown", { n: total.unknown, unit: unit.counted }) }),
    el(
      "div",
      { class: "crossing-tools" },
      el(
        "button",
        {
          type: "button",
          class: "button",
          name: "show",
          "aria-pressed": String(shown),
          on: { click: () => store.set({ cell: shown ? null : WORST }) },
        },
        t(shown ? "compare_all" : "compare_show"),
      ),
      asCondition(store),
    ),
  );
}

function grid(store, at) {
  const { table, cell } = store.get();
  const { left, right, cells, unit } = table;
  const counted = CELLS.test(unit.id) ? "_cells" : "";
  const heading = (group, scope) =>
    el(
      "th",
      { scope, class: group.apart ? "apart" : null },
      el("span", {}, swatch(group.token, isOpen(group.id)), el("span", { text: group.title })),
    );
  const box = (row, column, i, j) => {
    const figures = cells[i][j];
    const id = cellId(column, row);
    const apart = column.apart || row.apart;
    const people = figures.residents_text !== null && !column.apart && figures.residents_text;
    return el(
      "td",
      { class: [column.worst && row.worst && "worst", apart && "apart"].filter(Boolean).join(" ") || null },
      el(
        "button",
        {
          type: "button",
          "data-cell": id,
          tabindex: i === at[0] && j === at[1] ? "0" : "-1",
          "aria-pressed": String(cell === id || (cell === WORST && column.worst && row.worst)),
          class: figures.units ? null : "none",
        },
        el("span", { class: "vh", text: t("compare_cell", { column: named(column), row: named(row) }) }),
        people && el("strong", { text: people }),
        el("span", { text: t(`compare_${people ? "in" : "n"}${counted}`, { n: figures.units_text }) }),
      ),
    );
  };
  return el(
    "table",
    {},
    el("caption", {
      class: "vh",
      text: t("compare_table", { left: left.title, right: right.title, unit: unit.title }),
    }),
    el("thead", {}, el("tr", {}, el("td", { class: "corner" }), left.groups.map((one) => heading(one, "col")))),
    el(
      "tbody",
      {},
      right.groups.map((row, i) =>
        el("tr", {}, heading(row, "row"), left.groups.map((column, j) => box(row, column, i, j))),
      ),
    ),
  );
}

/** The chosen classes as conditions of the planner's page: a link, as it leads there. */
function asCondition(store) {
  const { query, table, cell, right, views } = store.get();
  if (sight.aggregates === "public" || !("where" in query)) return null;
  const found = picked(table, cell ?? WORST);
  if (!found) return null;
  const chosen = [condition(query.question, found.columns, views[0]), condition(right, found.rows, views[1])];
  const parts = [...new Set([...partsOf(query), ...chosen])];
  if (parts.length > MOST) return null;
  const asked = { ...query, where: parts.join(AND) };
  return el("a", {
    class: "button",
    href: `/${writeAddress({ ...store.get(), query: asked, select: null })}`,
    title: t("compare_condition_why"),
    text: t("compare_condition"),
  });
}

function condition(question, groups, view) {
  const [group] = groups;
  if (question === "gap") {
    const walk = `gap:${view.query.kind}:${view.limit.metres}`;
    return groups.length > 1 || group.id === "gap-1+" ? walk : `class:${walk}:${group.id}`;
  }
  if (question === "hotspots" && ["hot", "cold"].includes(group.id)) return `${group.id}:90`;
  return groups.length > 1 || group.id === "double_none" ? "double_none" : `class:${question}:${group.id}`;
}
