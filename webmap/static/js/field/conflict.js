/** Two people changed one fact: field by field, both kept until a person chooses. */

import { byId, el, icon, show } from "../dom.js";
import { cell } from "../shapes.js";
import { contradiction } from "./contradiction.js";
import { historyOf } from "./outbox.js";
import { dated, dayOf, told, when, w } from "./words.js";

const MOST_NOTE = 500;
const MOST_SOURCE = 100;

/**
 * Start the screen.
 * @param {object} store
 * @param {{add: Function, change: Function}} outbox
 * @param {{close: () => void}} actions
 */
export function startConflict(store, outbox, { close }) {
  const node = byId("conflict");
  let drawn = null;
  store.on(["view", "conflict", "edits"], () => {
    const { view, conflict, edits } = store.get();
    const edit = view === "conflict" ? edits.find(({ seq, state }) => seq === conflict && state === "conflict") : null;
    if (edit?.seq === drawn) return;
    drawn = edit?.seq ?? null;
    if (view !== "conflict") return;
    if (edit) show(node, screen(edit, { store, outbox, close }));
    else close();
  });
}

function screen(edit, { store, outbox, close }) {
  const [field, mine] = Object.entries(edit.body.values)[0];
  const { conflicts, theirs, restored } = edit.answer;
  const other = conflicts.find((one) => one.field === field) ?? conflicts[0];
  const rows = rowsOf(edit, other, mine);
  const chosen = Object.fromEntries(rows.map(({ id }) => [id, "mine"]));
  const warning = el("div", { class: "warning", role: "status", hidden: true });
  const said = el("p", { class: "problem", role: "alert", hidden: true });
  const warn = () => {
    const value = chosen.value === "mine" ? mine : other.theirs;
    const text = contradiction(field, value, theirs?.fields ?? [], dayOf(Date.now()));
    warning.hidden = !text;
    show(warning, icon("warning"), el("div", {}, el("p", { text }), el("p", { class: "small", text: w("contradiction_more") })));
  };
  const merge = async () => {
    try {
      await merged(edit, { field, other, chosen, rows, outbox });
      store.set({ toast: w(Object.values(chosen).includes("mine") ? "merged" : "left_theirs") });
      close();
    } catch (error) {
      said.textContent = w("not_kept", { why: error.message });
      said.hidden = false;
    }
  };
  const table = el(
    "div",
    { class: "two-sides", role: "group", "aria-labelledby": "conflict-title" },
    el("span", { class: "side-head", text: w("item") }),
    sideHead(w("yours"), `${when(edit.at)}${w("comma")}${w("on_this_tablet")}`),
    sideHead(w("theirs"), [other.at && when(other.at), other.who].filter(Boolean).join(w("comma"))),
    rows.map((one) => [
      el("span", { class: "side-label", id: `side-${one.id}`, text: one.title }),
      ["mine", "theirs"].map((side) => option(one, side, chosen, warn)),
    ]),
  );
  warn();
  return el(
    "div",
    { class: "sheet" },
    el(
      "div",
      { class: "sheet-body" },
      el("h2", { id: "conflict-title", tabindex: "-1", text: w("which_counts") }),
      el("p", { class: "lead", text: restored ?? w("which_counts_more", { who: other.who || w("somebody") }) }),
      other.field === null ? el("p", { class: "problem", text: w("feature_gone") }) : table,
      warning,
      past(edit, field),
    ),
    el(
      "div",
      { class: "sheet-foot" },
      said,
      el("button", { type: "button", class: "touch", on: { click: close } }, w("leave_for_now")),
      other.field === null
        ? el("button", { type: "button", class: "touch main wide", on: { click: () => forgo(edit, outbox, close) } }, w("drop"))
        : el("button", { type: "button", class: "touch main wide", on: { click: merge } }, icon("check"), w("merge")),
    ),
  );
}

function rowsOf(edit, other, mine) {
  const { as_of: day, source, note } = edit.body;
  const fact = (value) => [cell(value ?? "unknown"), w(`answer_${value ?? "unknown"}`)];
  const text = (value) => [value || w("not_filled")];
  return [
    { id: "value", title: told(edit.shown.question), mine: fact(mine), theirs: fact(other.theirs) },
    { id: "as_of", title: w("day"), mine: text(day), theirs: text(other.as_of) },
    { id: "source", title: w("evidence_short"), mine: text(source), theirs: text(other.source) },
    { id: "note", title: w("note"), mine: text(note), theirs: text(other.note) },
  ];
}

function sideHead(title, sub) {
  return el("span", { class: "side-head" }, el("strong", { text: title }), el("span", { class: "small", text: sub }));
}

function option(row, side, chosen, warn) {
  const input = el("input", {
    type: "radio",
    name: `conflict-${row.id}`,
    value: side,
    "aria-label": `${row.title}${w("colon")}${w(side === "mine" ? "yours" : "theirs")}`,
    on: {
      change: () => {
        chosen[row.id] = side;
        warn();
      },
    },
  });
  input.checked = chosen[row.id] === side;
  return el("label", { class: "side" }, input, el("span", { class: "side-value" }, row[side]));
}

/** Send what was chosen; the version that was not stands in the note, and the tablet keeps its own. */
async function merged(edit, { field, other, chosen, rows, outbox }) {
  if (!Object.values(chosen).includes("mine")) {
    await outbox.change(edit, { state: "left", done: Date.now() });
    return;
  }
  const pick = (id, mine, theirs) => (chosen[id] === "mine" ? mine : theirs);
  const day = pick("as_of", edit.body.as_of, other.as_of) ?? edit.body.as_of;
  const source = pick("source", edit.body.source, other.source) || edit.body.source;
  const note = pick("note", edit.body.note, other.note) || "";
  const lost = rows.filter(({ id, mine, theirs }) => textOf(mine) !== textOf(theirs) && id !== "note");
  const others = lost.map(({ id, mine, theirs }) => textOf(chosen[id] === "mine" ? theirs : mine)).join(w("comma"));
  const loser = others ? w("loser_note", { what: others }) : "";
  await outbox.add(
    {
      holder: edit.holder,
      body: {
        ...edit.body,
        based_on: other.version,
        epoch: edit.answer.theirs?.epoch ?? edit.body.epoch,
        values: { [field]: pick("value", edit.body.values[field], other.theirs) },
        as_of: day,
        source: source.slice(0, MOST_SOURCE),
        note: [note, loser].filter(Boolean).join(" ").slice(0, MOST_NOTE),
      },
      shown: { ...edit.shown, before: other.theirs ?? "unknown" },
    },
    edit.seq,
  );
}

function textOf(nodes) {
  return nodes.map((node) => node.textContent ?? node).join("");
}

async function forgo(edit, outbox, close) {
  await outbox.change(edit, { state: "left", done: Date.now() });
  close();
}

/** What was recorded of this fact before, where the server can be reached. */
function past(edit, field) {
  const node = el("div", { class: "past" });
  historyOf(edit.body).then(
    ({ edits }) => {
      const about = edits.flatMap((one) =>
        (one.fields ?? [])
          .filter((change) => change.field === field && "after" in change)
          .map((change) => ({ ...one, change })),
      );
      if (!about.length) return;
      show(
        node,
        el("h3", { class: "field-label", text: w("past") }),
        el(
          "ol",
          { class: "rows" },
          about.map(({ at, who, source, change }) =>
            el(
              "li",
              { class: "past-row" },
              cell(change.after ?? "unknown"),
              el("span", { class: "nowrap", text: dated(at) }),
              el("span", { class: "row-sub", text: [who, source].filter(Boolean).join(w("comma")) }),
              el("span", { text: w(`answer_${change.after ?? "unknown"}`) }),
            ),
          ),
        ),
      );
    },
    () => show(node, el("p", { class: "quiet", text: w("past_offline") })),
  );
  return node;
}
