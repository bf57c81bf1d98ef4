/** The form of a record: what was seen, on which day, from where it is known. Only what is changed is sent. */

import { factSender } from "./correct_send.js";
import { el, show } from "./dom.js";
import { cell } from "./shapes.js";
import { t } from "./words.js";

let ids = 0;

/**
 * Make the form of a feature's facts.
 * @param {object} facts an answer of /api/facts
 * @param {{place: object, written: Function, conflicted: Function, cancel: () => void}} actions
 */
export function factForm(facts, { place, written, conflicted, cancel }) {
  if (!facts.may.length) return readOnly(facts);
  const parts = new Map();
  const add = (name, part) => {
    parts.set(name, part);
    return part.node;
  };
  const inner = (field) => facts.fields.filter(({ group, may }) => group === field.field && may);
  const grouped = facts.fields.filter(({ type, may }) => type === "fact" && may);
  const within = new Set(grouped.flatMap((field) => inner(field).map(({ field: name }) => name)));
  const others = facts.fields.filter(({ field, type, may }) => may && type !== "fact" && !within.has(field));
  const facing = grouped.map((field) =>
    el(
      "fieldset",
      { class: "fact-group" },
      el("legend", { text: field.title }),
      add(field.field, answers(field)),
      el("div", { class: "fields" }, inner(field).map((one) => add(one.field, control(one)))),
    ),
  );
  const how = {
    as_of: control({ field: "as_of", title: t("record_as_of"), type: "date", value: facts.today }),
    source: control({ field: "source", title: t("record_source"), type: "text", value: "" }),
    note: control({ field: "note", title: t("record_note"), type: "lines", value: "" }),
  };
  how.source.input.placeholder = t("record_source_hint");
  how.source.input.maxLength = 100;
  how.as_of.input.max = facts.today;
  for (const [name, part] of Object.entries(how)) parts.set(name, part);
  const way = ways();
  const status = el("p", { class: "record-status", role: "alert" });
  const save = el("button", { type: "submit", class: "button main", text: t("record_save") });
  const form = el(
    "form",
    { class: "record-form", novalidate: true, autocomplete: "off" },
    el(
      "div",
      { class: "record-body", tabindex: "0", role: "group", "aria-label": t("record_facts") },
      facing,
      facts.place.movable && add("place", position(facts, place)),
      others.length > 0 &&
        el(
          "fieldset",
          { class: "fact-group" },
          el("legend", { text: t("record_other") }),
          el("div", { class: "fields" }, others.map((one) => add(one.field, control(one)))),
        ),
      el(
        "fieldset",
        { class: "fact-group" },
        el("legend", { text: t("record_way") }),
        way.node,
        el("div", { class: "fields" }, how.as_of.node, how.source.node, how.note.node),
      ),
    ),
    el(
      "footer",
      { class: "record-foot" },
      status,
      el("div", { class: "record-buttons" }, save, button("close", cancel)),
    ),
  );
  const send = factSender(facts);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (save.ariaDisabled) return;
    const values = {};
    for (const [name, part] of parts) if (!(name in how) && part.changed()) values[name] = part.value();
    clear(parts, status);
    if (!Object.keys(values).length) {
      status.textContent = t("record_nothing");
      return;
    }
    const request = {
      values,
      as_of: how.as_of.value() ?? "",
      source: how.source.value() ?? "",
      note: how.note.value() ?? "",
      correction: way.correction(),
    };
    save.setAttribute("aria-disabled", "true");
    save.textContent = t("record_saving");
    try {
      await written(await send(request));
    } catch (error) {
      save.removeAttribute("aria-disabled");
      save.textContent = t("record_save");
      if (error.said?.conflicts) await conflicted(error, request);
      else if (error.said?.problems) point(parts, status, error.said.problems);
      else status.textContent = error.status ? error.sentence : t("record_unanswered");
    }
  });
  return form;
}

/** A button with words of its own. */
export function button(key, click, className = "button") {
  return el("button", { type: "button", class: className, text: t(key), on: { click } });
}

function clear(parts, status) {
  status.textContent = "";
  for (const { wrong, input } of parts.values()) {
    wrong.hidden = true;
    input.removeAttribute("aria-invalid");
    input.removeAttribute("aria-describedby");
  }
}

/** Say each problem at its field, and lead to the first. */
function point(parts, status, problems) {
  status.textContent = t("record_problems", { n: problems.length });
  const left = [];
  for (const { field, message, remedy } of problems) {
    const part = parts.get(field);
    if (!part) {
      left.push(`${message} ${remedy}`);
      continue;
    }
    part.wrong.textContent = `${message} ${remedy}`;
    part.wrong.hidden = false;
    part.input.setAttribute("aria-invalid", "true");
    part.input.setAttribute("aria-describedby", part.wrong.id);
  }
  if (left.length) status.textContent = left.join(" ");
  status.closest("form").querySelector("[aria-invalid]")?.focus();
}

/** Three answers; none is pressed until somebody says what they saw. */
function answers({ field, title, value, value_title: words, codes, date }) {
  let chosen = null;
  const buttons = codes.map(({ id: answer, title: text }) =>
    el(
      "button",
      {
        type: "button",
        class: "answer",
        "aria-pressed": "false",
        "data-answer": answer,
        on: {
          click: () => {
            chosen = chosen === answer ? null : answer;
            buttons.forEach((one) =>
              one.setAttribute("aria-pressed", String(one.dataset.answer === chosen)),
            );
          },
        },
      },
      cell(answer),
      text,
    ),
  );
  const wrong = wrongLine();
  const node = el(
    "div",
    { class: "fact", "data-field": field },
    el(
      "p",
      { class: "on-file" },
      cell(value),
      t("record_on_file", { value: words }),
      " · ",
      date
        ? el("time", { datetime: date, text: t("record_dated", { date }) })
        : el("span", { text: t("record_undated") }),
    ),
    el("div", { class: "answers", role: "group", "aria-label": t("record_answers", { title }) }, buttons),
    wrong,
  );
  return { node, wrong, input: buttons[0], changed: () => chosen !== null, value: () => chosen };
}

function wrongLine() {
  return el("p", { class: "wrong", id: `wrong-${(ids += 1)}`, hidden: true });
}

/** One value to type or choose; empty is unknown. */
function control({ field, title, type, value, unit, codes, required, minimum, date }) {
  const id = `field-${(ids += 1)}`;
  const given = value === null || value === undefined ? "" : String(value);
  const input = codes ? choices(codes, required) : typed(type, minimum);
  input.id = id;
  input.name = field;
  input.value = given;
  if (required) input.required = true;
  const wrong = wrongLine();
  const label = [title, unit && t("record_of_date", { date: unit }), date && t("record_of_date", { date })];
  const node = el(
    "div",
    { class: type === "lines" || type === "text" ? "field wide" : "field", "data-field": field },
    el("label", { for: id, text: label.filter(Boolean).join("") }),
    input,
    wrong,
  );
  return {
    node,
    wrong,
    input,
    changed: () => input.value.trim() !== given,
    value: () => (input.value.trim() === "" ? null : input.value.trim()),
  };
}

function choices(codes, required) {
  return el(
    "select",
    {},
    !required && el("option", { value: "", text: t("record_unknown") }),
    codes.map((one) => el("option", { value: one.id, text: one.title })),
  );
}

function typed(type, minimum) {
  if (type === "lines") return el("textarea", { rows: 2, maxlength: 500 });
  if (type === "integer" || type === "number")
    return el("input", { type: "text", inputmode: minimum === null ? "text" : "decimal" });
  return el("input", { type: type === "date" ? "date" : "text" });
}

/** Where a point stands: dragged on the map, or typed in the datum that is said. */
function position({ place: at, name }, place) {
  const lon = control({ field: "lon", title: t("record_lon"), type: "number", value: at.lon, minimum: 0 });
  const lat = control({ field: "lat", title: t("record_lat"), type: "number", value: at.lat, minimum: 0 });
  const datum = control({
    field: "datum",
    title: t("record_datum"),
    type: "text",
    value: "wgs84",
    required: true,
    codes: ["wgs84", "gcj02", "bd09"].map((id) => ({ id, title: t(`datum_${id}`) })),
  });
  const wrong = wrongLine();
  const follow = () => {
    if (datum.value() === "wgs84") place.move(Number(lon.value()), Number(lat.value()));
  };
  for (const { input } of [lon, lat, datum]) input.addEventListener("change", follow);
  place.show(at, name, (x, y) => {
    lon.input.value = x.toFixed(6);
    lat.input.value = y.toFixed(6);
    datum.input.value = "wgs84";
  });
  const node = el(
    "fieldset",
    { class: "fact-group", "data-field": "place" },
    el("legend", { text: t("record_position") }),
    el("p", { class: "hint", text: t("record_drag") }),
    el("div", { class: "fields" }, lon.node, lat.node, datum.node),
    wrong,
  );
  return {
    node,
    wrong,
    input: lon.input,
    changed: () => lon.changed() || lat.changed() || datum.changed(),
    value: () => ({ lon: decimal(lon), lat: decimal(lat), datum: datum.value() }),
  };
}

function decimal(part) {
  const found = Number(part.value());
  return part.value() === null || Number.isNaN(found) ? part.value() : found;
}

/** Whether things have changed, or were never as the record has them. */
function ways() {
  const name = `way-${(ids += 1)}`;
  const radio = (value, key, checked) =>
    el("label", { class: "way-choice" }, el("input", { type: "radio", name, value, checked }), t(key));
  const node = el(
    "div",
    { class: "ways-of-change", role: "radiogroup", "aria-label": t("record_way") },
    radio("since", "record_since", true),
    radio("wrong", "record_was_wrong", false),
  );
  return { node, correction: () => node.querySelector("input:checked").value === "wrong" };
}

/** The record for those who may look and not write. */
function readOnly({ fields }) {
  const list = el("dl", { class: "record-list" });
  show(
    list,
    fields.map((field) =>
      el(
        "div",
        {},
        el("dt", { text: field.title }),
        el(
          "dd",
          {},
          field.type === "fact" && cell(field.value),
          field.value_title,
          field.unit && field.value !== null && ` ${field.unit}`,
          field.date && el("time", { datetime: field.date, text: t("record_of_date", { date: field.date }) }),
        ),
      ),
    ),
  );
  return el(
    "div",
    { class: "record-body", tabindex: "0", role: "group", "aria-label": t("record_facts") },
    el("p", { class: "hint", text: t("record_not_yours") }),
    list,
  );
}
