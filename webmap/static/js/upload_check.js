/** What a check found: counts, the datum guard's verdict, where the records fall, problems, and what may be changed. */

import { el } from "./dom.js";
import { datumName, datumSelect, field } from "./upload_choose.js";
import { positions } from "./upload_map.js";
import { settingsSheet } from "./upload_options.js";
import { download, heading, layerTitle } from "./upload_state.js";
import { count, t } from "./words.js";

const DATUMS = ["wgs84", "gcj02", "bd09", "cgcs2000"];

/** The sheets of an upload that is not being worked at, from what was found to the button that imports it. */
export function checkSheets(upload, actions) {
  const { check, status } = upload;
  const back = el(
    "p",
    { class: "bar-of-actions after" },
    el("button", { class: "button", type: "button", text: t("up_next"), on: { click: actions.close } }),
    el("button", {
      class: "button",
      type: "button",
      text: t("up_erase"),
      on: { click: () => actions.erase(upload.id, upload.name) },
    }),
  );
  const found = check && !check.error;
  return [
    el(
      "section",
      { class: "sheet" },
      heading(upload, t("up_check")),
      outcome(upload),
      status === "interrupted" && told("wrong", t(`up_interrupted_${upload.job}`)),
      check?.error && failure(upload, actions),
      found && verdict(upload, actions),
      found && counts(check),
      found && notes(check.report.notes),
    ),
    found && check.points.length > 0 && !check.refused && whereSheet(upload),
    found && check.problems > 0 && !check.refused && problemsSheet(upload, actions),
    check?.source && settingsSheet(upload, actions),
    !check?.source && status !== "received" && againSheet(upload, actions),
    found && confirmSheet(upload, actions),
    back,
  ].filter(Boolean);
}

function told(kind, ...children) {
  return el("div", { class: `told ${kind}`, role: kind === "wrong" ? "alert" : "status" }, children);
}

/** An import that came to nothing. */
function outcome({ result }) {
  if (!result?.error) return null;
  return told("wrong", el("p", {}, el("strong", { text: t("up_error") })), said(result.error));
}

function said({ message, problems = [], conflicts = [] }) {
  return [
    el("p", { text: message }),
    problems.length > 0 && el("ul", {}, problems.map((one) => el("li", { text: sentence(one) }))),
    conflicts.length > 0 && [
      el("p", { text: t("up_conflicts") }),
      el("ul", {}, conflicts.map((text) => el("li", { text }))),
    ],
  ];
}

function sentence({ field: name, value, message, remedy }) {
  const lead = name ? `${name}${value === null || value === undefined ? "" : ` = ${value}`}: ` : "";
  return `${lead}${message} ${remedy}`;
}

/** Why it was not checked; columns that are not theirs to write can be left out at once. */
function failure(upload, actions) {
  const { check, options } = upload;
  const { error, locked = [] } = check;
  const leave = () => {
    const kept = Object.entries(options.constants ?? {}).filter(([id]) => !locked.includes(id));
    const columns = { ...options.columns, ...Object.fromEntries(locked.map((id) => [id, ""])) };
    actions.check(upload.id, { ...options, columns, constants: Object.fromEntries(kept) });
  };
  const button = el("button", {
    class: "button main",
    type: "button",
    text: t("up_leave_out"),
    on: { click: leave },
  });
  return told("wrong", said(error), locked.length > 0 && el("p", { class: "bar-of-actions" }, button));
}

/** The datum guard's verdict; a wrong datum stops here, and the right one is a button away. */
function verdict(upload, actions) {
  const { check } = upload;
  const { datum, declared } = check.report;
  if (!check.refused)
    return told(
      datum.status === "fits" ? "good" : "warn",
      el("p", {}, el("strong", { text: t("up_declared", { d: declared }) })),
      el("p", { text: datum.sentence }),
    );
  const better = datum.better.filter((id) => DATUMS.includes(id));
  const use = (id) =>
    el("button", {
      class: "button main",
      type: "button",
      text: t("up_use", { d: datumName(id) }),
      on: { click: () => actions.check(upload.id, { ...upload.options, datum: id, crs: null }) },
    });
  return told(
    "wrong",
    el("p", { class: "stop" }, el("strong", { text: t("up_stop_datum") })),
    el("p", { text: datum.sentence }),
    el("p", { text: better.length ? t("up_stop_more") : check.remedy }),
    better.length > 0 && el("p", { class: "bar-of-actions" }, better.map(use)),
    el("p", { class: "hint", text: t("up_stop_stored") }),
  );
}

function counts({ report, refused }) {
  const shown = [
    ["read", true],
    ["left_out", report.left_out > 0],
    ["duplicates", report.duplicates > 0],
    ["rejected", !refused],
    ["inserted", !refused],
    ["updated", !refused],
    ["unchanged", !refused],
  ].filter(([, is]) => is);
  return el(
    "dl",
    { class: "counts" },
    shown.map(([name]) =>
      el(
        "div",
        { class: name === "rejected" && report.rejected > 0 ? "wrong" : null },
        el("dt", { text: t(`up_${name}`) }),
        el("dd", { text: t("up_rows", { n: count(report[name]) }) }),
      ),
    ),
  );
}

function notes(list) {
  return (
    list.length > 0 &&
    el(
      "div",
      { class: "notes" },
      el("h3", { text: t("up_notes") }),
      el("ul", {}, list.map((text) => el("li", { text }))),
    )
  );
}

function whereSheet({ check }) {
  const { canvas, outside } = positions(check.points);
  const [n, of, d] = [check.points.length, check.placed, check.report.declared];
  const numbers = { n: count(n), of: count(of), d };
  const text = n < of ? t("up_where_sample", numbers) : t("up_where_note", numbers);
  return el(
    "section",
    { class: "sheet" },
    el("h2", { text: t("up_where") }),
    canvas,
    el("p", { class: "hint", text: outside ? `${text} · ${t("up_outside", { n: count(outside) })}` : text }),
  );
}

function problemsSheet(upload, actions) {
  const { check, options } = upload;
  const listed = check.report.problems;
  const cell = (text, attributes = {}) => el("td", { ...attributes, text: text ?? "" });
  const row = ({ row: number, field: name, value, message, remedy }) =>
    el(
      "tr",
      {},
      cell(number, { class: "number" }),
      el("th", { scope: "row", text: name ?? "" }),
      cell(value),
      cell(message),
      cell(remedy),
    );
  const heads = ["up_row", "up_field", "up_value", "up_problem", "up_remedy"];
  const kind = ({ field: name, message, count: n, row: first }) =>
    el(
      "li",
      {},
      el("strong", { text: name ?? "" }),
      ` ${message} `,
      el("span", {
        class: "hint",
        text: first ? t("up_times", { n: count(n), row: first }) : t("up_times_only", { n: count(n) }),
      }),
    );
  const aside = el("input", {
    type: "checkbox",
    checked: Boolean(options.set_aside),
    on: {
      change: ({ target }) => actions.check(upload.id, { ...options, set_aside: target.checked }),
    },
  });
  return el(
    "section",
    { class: "sheet" },
    el("h2", { text: t("up_problems", { n: count(check.problems) }) }),
    el("ul", { class: "kinds" }, check.kinds.slice(0, 8).map(kind)),
    el(
      "p",
      { class: "bar-of-actions" },
      download(upload, "problems"),
      check.report.rejected > 0 && download(upload, "rejects"),
    ),
    el(
      "div",
      { class: "table-box low", role: "region", tabindex: "0", "aria-label": t("up_problems", { n: count(check.problems) }) },
      el(
        "table",
        {},
        el("thead", {}, el("tr", {}, heads.map((name) => el("th", { scope: "col", text: t(name) })))),
        el("tbody", {}, listed.map(row)),
      ),
    ),
    listed.length < check.problems && el("p", { class: "hint", text: t("up_shown", { n: count(listed.length) }) }),
    check.partly && el("label", { class: "sure" }, aside, t("up_set_aside")),
  );
}

/** Where nothing is known of the file's columns: another datum, another layer of it. */
function againSheet(upload, actions) {
  const datum = datumSelect(upload.options.datum);
  const inner = el("input", { value: upload.options.source_layer ?? "" });
  const submit = (event) => {
    event.preventDefault();
    actions.check(upload.id, { ...upload.options, datum: datum.value || null, source_layer: inner.value || null });
  };
  return el(
    "form",
    { class: "sheet", on: { submit } },
    el("div", { class: "columns-2 tight" }, field("again-datum", t("up_datum"), datum), field("again-inner", t("up_source_layer"), inner)),
    el("button", { class: "button", type: "submit", text: t("up_again") }),
  );
}

/** What will happen, and the button that makes it happen. */
function confirmSheet(upload, actions) {
  const { check, options } = upload;
  const { inserted, updated, unchanged, rejected } = check.report;
  const ready = check.whole || (check.partly && options.set_aside);
  const section = (...children) =>
    el("section", { class: "sheet confirm" }, el("h2", { text: t("up_confirm") }), children);
  if (!ready) return section(el("p", { text: t("up_not_yet") }));
  const numbers = { inserted: count(inserted), updated: count(updated), unchanged: count(unchanged) };
  const button = el("button", { class: "button main", type: "button", text: t("up_import") });
  button.addEventListener("click", () => {
    button.disabled = true;
    actions.confirm(upload.id, check.number);
  });
  return section(
    el("p", { class: "statement", text: t("up_statement", { layer: layerTitle(upload.layer), ...numbers }) }),
    rejected > 0 && el("p", { text: t("up_statement_aside", { n: count(rejected) }) }),
    inserted + updated === 0 && el("p", { text: t("up_statement_none") }),
    el("p", { class: "hint", text: t("up_by") }),
    button,
  );
}
