/** What may be changed of how a file is read: which column fills which field, positions, values, rows, since when. */

import { el, icon } from "./dom.js";
import { datumSelect, field, layerSelect, select } from "./upload_choose.js";
import { joined, page, t } from "./words.js";

const NOTHING = "-";
const EVERY = "=";

/** The form with everything that `wangge import` may be told. */
export function settingsSheet(upload, actions) {
  const { check, options } = upload;
  const { headings } = check.source;
  const mapping = check.report?.mapping ?? { columns: {}, automatic: [], examples: {}, constants: {} };
  const layer = page.layers.find(({ id }) => id === upload.layer);
  const rows = layer.fields.map((one) => mappingRow(one, { headings, options, mapping }));
  const general = generalFields(upload);
  const problem = el("p", { class: "told wrong", role: "alert", hidden: true });
  const submit = (event) => {
    event.preventDefault();
    try {
      const chosen = { ...general.read(), ...mapped(rows), set_aside: Boolean(options.set_aside) };
      problem.hidden = true;
      actions.check(upload.id, chosen);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      problem.textContent = error.message;
      problem.hidden = false;
      problem.scrollIntoView({ block: "center" });
    }
  };
  return el(
    "details",
    { class: "sheet settings", open: !check.whole && !check.refused },
    el("summary", {}, icon("chevron"), el("h2", { text: t("up_settings") })),
    firstRows(check.source),
    el(
      "form",
      { on: { submit } },
      problem,
      mappingTable(rows),
      general.node,
      el("button", { class: "button", type: "submit", text: t("up_again") }),
    ),
  );
}

function firstRows({ headings, first, numbers }) {
  if (!first.length) return null;
  return el(
    "div",
    { class: "table-box low", role: "region", tabindex: "0", "aria-label": t("up_first") },
    el(
      "table",
      {},
      el("caption", { text: t("up_first") }),
      el(
        "thead",
        {},
        el("tr", {}, el("th", { scope: "col", text: t("up_row") }), headings.map((text) => el("th", { scope: "col", text }))),
      ),
      el(
        "tbody",
        {},
        first.map((cells, i) =>
          el("tr", {}, el("th", { scope: "row", class: "number", text: numbers[i] }), cells.map((text) => el("td", { text: text ?? "" }))),
        ),
      ),
    ),
  );
}

/** One field of the layer: the column that fills it, or one value for every row. */
function mappingRow({ id, title, required, locked }, { headings, options, mapping }) {
  if (locked) return lockedRow(id, title);
  const constant = options.constants?.[id];
  const told = options.columns?.[id];
  const filled = told ?? mapping.columns[id] ?? "";
  const chosen = constant !== undefined ? EVERY : told === "" ? NOTHING : filled;
  const choices = [["", t("up_by_heading")], [NOTHING, t("up_nothing")], [EVERY, t("up_every")], ...headings.map((one) => [`:${one}`, one])];
  const start = [NOTHING, EVERY, ""].includes(chosen) ? chosen : `:${chosen}`;
  const control = select(choices, start, { "aria-label": `${title} ${t("up_from")}` });
  const value = el("input", { value: constant ?? "", hidden: chosen !== EVERY, "aria-label": `${title} ${t("up_every")}` });
  control.addEventListener("change", () => {
    value.hidden = control.value !== EVERY;
    if (!value.hidden) value.focus();
  });
  const automatic = mapping.automatic.includes(id);
  const note = [required && t("up_required"), automatic && t("up_auto")].filter(Boolean);
  return {
    id,
    automatic,
    start,
    control,
    value,
    node: el(
      "tr",
      {},
      el("th", { scope: "row" }, title, el("span", { class: "under", text: joined([id, ...note]) })),
      el("td", {}, control, value),
      el("td", { text: joined(mapping.examples[id] ?? []) }),
    ),
  };
}

/** A field that is not theirs to write: no column fills it. */
function lockedRow(id, title) {
  return {
    id,
    control: { value: NOTHING },
    node: el(
      "tr",
      {},
      el("th", { scope: "row" }, title, el("span", { class: "under", text: id })),
      el("td", { class: "hint", colspan: 2, text: t("up_locked") }),
    ),
  };
}

function mappingTable(rows) {
  const heads = ["up_layer_field", "up_from", "up_examples"];
  return el(
    "div",
    { class: "table-box" },
    el(
      "table",
      { class: "mapping" },
      el("caption", { class: "vh", text: t("up_mapping") }),
      el("thead", {}, el("tr", {}, heads.map((name) => el("th", { scope: "col", text: t(name) })))),
      el("tbody", {}, rows.map(({ node }) => node)),
    ),
  );
}

/** What the table says: fields that are found by their headings are left to be. */
function mapped(rows) {
  const [columns, constants] = [{}, {}];
  for (const { id, automatic, start, control, value } of rows) {
    const chosen = control.value;
    if (chosen === EVERY) constants[id] = value.value;
    else if (chosen === NOTHING) columns[id] = "";
    else if (chosen && !(automatic && chosen === start)) columns[id] = chosen.slice(1);
  }
  return { columns, constants };
}

function generalFields({ layer, options, check }) {
  const { headings, geometry } = check.source;
  const columns = [["", t("up_by_heading")], ...headings.map((one) => [one, one])];
  const controls = {
    layer: layerSelect(layer),
    datum: datumSelect(options.datum),
    crs: el("input", { value: options.crs ?? "" }),
    source_layer: el("input", { value: options.source_layer ?? "" }),
    ...(geometry
      ? {}
      : { lon: select(columns, options.lon), lat: select(columns, options.lat), wkt: select(columns, options.wkt) }),
    effective: el("input", { type: "date", value: options.effective ?? "" }),
    note: el("input", { value: options.note ?? "", maxlength: 300 }),
    values: el("textarea", { rows: 3 }),
    only: el("textarea", { rows: 3 }),
  };
  controls.values.value = valueLines(options.values ?? {});
  controls.only.value = onlyLines(options.only ?? {});
  const hints = { crs: "up_crs_hint", effective: "up_effective_hint", note: "up_note_hint", values: "up_values_hint", only: "up_only_hint", datum: "up_datum_hint" };
  const node = el(
    "div",
    { class: "columns-2 tight" },
    Object.entries(controls).map(([name, control]) =>
      field(`set-${name}`, t(`up_${name}`), control, hints[name] ? t(hints[name]) : ""),
    ),
  );
  const plain = () =>
    Object.fromEntries(
      ["layer", "datum", "crs", "source_layer", "lon", "lat", "wkt", "effective", "note"]
        .filter((name) => controls[name])
        .map((name) => [name, controls[name].value.trim() || null]),
    );
  const read = () => ({ ...plain(), values: readValues(controls.values.value), only: readOnly(controls.only.value) });
  return { node, read };
}

function textLines(text) {
  return text.split("\n").map((line) => line.trim()).filter(Boolean);
}

function wrong(line) {
  return new SyntaxError(t("up_line_wrong", { line }));
}

/** FIELD:FROM=TO, divided by the last sign as on the command line. */
function readValues(text) {
  const values = {};
  for (const line of textLines(text)) {
    const found = /^([^:：]+)[:：](.*)=([^=]*)$/.exec(line);
    if (!found) throw wrong(line);
    const [, name, from, to] = found.map((part) => part.trim());
    (values[name] ??= {})[from] = to;
  }
  return values;
}

function readOnly(text) {
  const only = {};
  for (const line of textLines(text)) {
    const at = line.indexOf("=");
    if (at < 1) throw wrong(line);
    (only[line.slice(0, at).trim()] ??= []).push(line.slice(at + 1).trim());
  }
  return only;
}

function valueLines(values) {
  return Object.entries(values)
    .flatMap(([name, pairs]) => Object.entries(pairs).map(([from, to]) => `${name}:${from}=${to}`))
    .join("\n");
}

function onlyLines(only) {
  return Object.entries(only)
    .flatMap(([column, values]) => values.map((value) => `${column}=${value}`))
    .join("\n");
}
