/** One fact: the old record, three answers, the day, the evidence, a note; the main action at the thumb. */

import { byId, el, icon, show } from "../dom.js";
import { cell } from "../shapes.js";
import { contradiction } from "./contradiction.js";
import { dayBefore, dayOf, told, w } from "./words.js";

const ANSWERS = ["yes", "no", "unknown"];
const EVIDENCE = ["notice_board", "property_office", "residents", "document"];
const MOST_NOTE = 500;

/**
 * Start the screen.
 * @param {object} store
 * @param {{add: Function, drop: Function}} outbox
 * @param {{close: () => void, choose: (id: string) => void}} actions
 */
export function startVerify(store, outbox, { close, choose }) {
  const node = byId("verify");
  let drawn = null;

  const draw = () => {
    const { view, shown, chosen, extra } = store.get();
    if (view !== "verify") {
      drawn = null;
      return;
    }
    // News from the server must not take away what is being typed.
    if (drawn !== null && drawn === chosen) return;
    const task = shown?.tasks.find(({ id }) => id === chosen) ?? extra[chosen];
    drawn = task?.id ?? null;
    if (!task) {
      show(node, noTask(shown, close));
      return;
    }
    show(node, form(task, { store, outbox, close, choose }));
    node.scrollTop = 0;
  };
  store.on(["view", "chosen", "shown"], draw);
}

function noTask(shown, close) {
  return el(
    "div",
    { class: "blank" },
    el("h2", { id: "verify-title", tabindex: "-1", text: shown ? w("all_verified") : w("nothing_taken") }),
    el("p", { text: shown ? w("all_verified_more") : w("nothing_taken_more") }),
    el("button", { type: "button", class: "touch", on: { click: close } }, w("back_to_grid")),
  );
}

function form(task, { store, outbox, close, choose }) {
  const { shown } = store.get();
  const today = dayOf(Date.now());
  const before = task.edit && task.edit.state !== "sent" ? task.edit : null;
  const { field } = task;
  const draft = before
    ? { answer: before.body.values[field], day: before.body.as_of, note: before.body.note, evidence: before.shown.evidence }
    : { answer: null, day: today, note: "", evidence: [] };
  const said = el("p", { class: "problem", id: "verify-problem", role: "alert", hidden: true });
  const warning = el("div", { class: "warning", role: "status", hidden: true });
  const note = el("textarea", {
    id: "verify-note",
    rows: "2",
    maxlength: String(MOST_NOTE),
    on: { input: () => (draft.note = note.value) },
  });
  note.value = draft.note;

  const warn = () => {
    const text = contradiction(field, draft.answer, task.record.details, draft.day || today);
    warning.hidden = !text;
    show(warning, icon("warning"), el("div", {}, el("p", { text }), el("p", { class: "small", text: w("contradiction_more") })));
  };
  const save = async () => {
    const locked = store.get().shown?.expired;
    const missing = locked ? w("expired_read_only") : !draft.answer ? w("choose_answer") : !draft.day || draft.day > today ? w("day_not_right", { day: today }) : "";
    said.textContent = missing;
    said.hidden = !missing;
    if (missing) return;
    button.disabled = true;
    try {
      await record(task, draft, before);
    } catch (error) {
      // What the disk did not take is not told as kept; all that was typed still stands here.
      said.textContent = w("not_kept", { why: error.message });
      said.hidden = false;
      button.disabled = false;
    }
  };
  async function record(of, { answer, day, note: text, evidence }, old) {
    const sources = evidence.map((one) => w(`evidence_${one}`));
    await outbox.add(
      {
        holder: store.get().holder,
        body: {
          layer: of.layer,
          code: of.code,
          ...(old ? basedOn(old.body) : { based_on: of.version ?? shown.version, epoch: of.epoch ?? shown.epoch }),
          values: { [field]: answer },
          as_of: day,
          source: sources.length ? sources.join("、") : w("evidence_on_site"),
          note: text.trim(),
          correction: false,
        },
        shown: {
          of: { ...of, edit: null },
          name: of.name,
          question: of.question,
          before: of.record.value,
          evidence,
        },
      },
      old?.seq,
    );
    store.set({ toast: w("kept_here", { question: told(of.question) }) });
    const next = store.get().shown.tasks.find(({ edit }) => !edit);
    store.set({ extra: {} });
    close();
    if (next) choose(next.id);
  }
  const button = el(
    "button",
    { type: "button", class: "touch main wide", on: { click: save } },
    icon("check"),
    w("record_this"),
  );
  const locked = shown.expired;
  button.disabled = locked;
  const content = el(
    "div",
    { class: "sheet" },
    sheetHead(task, shown, close),
    el(
      "div",
      { class: "sheet-body" },
      oldRecord(task),
      locked && el("p", { class: "problem", text: w("expired_read_only") }),
      before && el("p", { class: "small", text: w(before.tries ? "recorded_before_tried" : "recorded_before") }),
      choices("verify-answer", told(task.ask), ANSWERS, {
        className: "answers",
        label: (one) => [cell(one), el("span", { text: w(`answer_${one}`) })],
        isChosen: (one) => draft.answer === one,
        choose: (one) => {
          draft.answer = one;
          warn();
        },
      }),
      warning,
      days(draft, today, warn),
      choices("verify-evidence", w("evidence"), EVIDENCE, {
        className: "evidence",
        many: true,
        label: (one) => w(`evidence_${one}`),
        isChosen: (one) => draft.evidence.includes(one),
        choose: (one, on) => {
          draft.evidence = on ? [...draft.evidence, one] : draft.evidence.filter((other) => other !== one);
        },
      }),
      el("label", { class: "field-label", for: "verify-note", text: w("note") }),
      note,
    ),
    el("div", { class: "sheet-foot" }, said, button),
  );
  warn();
  return content;
}

/** What an edit was based on stays so where it is mended: it was seen then. */
function basedOn({ based_on, epoch }) {
  return { based_on, epoch };
}

function sheetHead(task, shown, close) {
  return el(
    "div",
    { class: "sheet-head" },
    el(
      "div",
      {},
      el("h2", { id: "verify-title", tabindex: "-1", text: told(task.question) }),
      el("p", {
        text: [
          told(task.name),
          told(task.place),
          task.rank && w("task_of", { rank: task.rank, n: shown.tasks.length }),
        ]
          .filter(Boolean)
          .join(" · "),
      }),
    ),
    el(
      "button",
      { type: "button", class: "touch square", "aria-label": w("close"), on: { click: close } },
      icon("close"),
    ),
  );
}

function oldRecord({ record, why, rank }) {
  return el(
    "div",
    { class: "record" },
    cell(record.value),
    el(
      "div",
      {},
      el("p", { class: "record-text" }, w("record_is"), el("strong", { text: told(record.text) })),
      el(
        "p",
        { class: "small" },
        el("span", { class: why.urgent ? "urgent" : null, text: told(why.text) }),
        rank && (record.date ? w("verified_on", { date: record.date }) : w("never_verified")),
      ),
    ),
  );
}

/** A row of large buttons: radio buttons for ears and keys, or check boxes where `many`. */
function choices(id, title, values, { className, label, isChosen, choose, many = false }) {
  const inputs = values.map((value) => {
    const input = el("input", {
      type: many ? "checkbox" : "radio",
      class: "vh",
      name: id,
      value,
      on: { change: () => choose(value, input.checked) },
    });
    input.checked = isChosen(value);
    return el("label", { class: "choice" }, input, label(value));
  });
  return el("fieldset", { class: `choices ${className}` }, el("legend", { class: "field-label", text: title }), inputs);
}

function days(draft, today, changed) {
  const yesterday = dayBefore(today);
  const other = el("input", {
    type: "date",
    class: "day-input",
    max: today,
    "aria-label": w("day_pick"),
    on: {
      change: () => {
        draft.day = other.value;
        changed();
      },
    },
  });
  const isOther = draft.day !== today && draft.day !== yesterday;
  other.value = isOther ? draft.day : "";
  other.hidden = !isOther;
  return el(
    "div",
    {},
    choices("verify-day", w("day"), ["today", "yesterday", "other"], {
      className: "days",
      label: (one) => (one === "today" ? w("day_today", { day: today.slice(5) }) : w(`day_${one}`)),
      isChosen: (one) => ({ today: draft.day === today, yesterday: draft.day === yesterday, other: isOther })[one],
      choose: (one) => {
        other.hidden = one !== "other";
        draft.day = { today, yesterday, other: other.value }[one];
        changed();
        if (one === "other") other.focus();
      },
    }),
    other,
  );
}
