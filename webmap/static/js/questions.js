/** The left panel: three questions as choices; the open one carries its controls. */

import { unitUnder } from "./conditions_model.js";
import { kindControl, periodControl, unitControl } from "./controls.js";
import { byId, unbroken, el, setAttribute, show } from "./dom.js";
import { figureButton } from "./floating.js";
import { afterPaint } from "./later.js";
import { limitControl } from "./limit.js";
import { swatch, tokenVariable } from "./shapes.js";
import { ask } from "./state.js";
import { QUESTIONS, defaultUnit } from "./url.js";
import { count, page, sight, t } from "./words.js";

const { district } = page;
/** Characters: a longer number takes two lines as large as others are. */
const LONG = 9;
const NAMED_PARTS = ["double_none", "unknown", "cold_99", "hot_99"];

/** Bring the panel to life. */
export function startQuestions(store) {
  const form = byId("questions");
  const units = { [store.get().query.question]: store.get().query.unit };
  const limit = sight.limit && limitControl(store);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("change", ({ target }) => {
    if (target.name === "question") {
      // The choice itself is seen at once; panel, card and map follow.
      afterPaint(() => {
        const { query } = store.get();
        units[query.question] = query.unit;
        const unit = unitUnder(query, target.value, units[target.value] ?? defaultUnit(target.value));
        ask(store, { question: target.value, unit });
      });
    } else if (target.name === "kind") {
      // A limit is chosen against the standard of one kind.
      ask(store, { kind: target.value, limit_m: "" });
    } else if (target.name in store.get().query && target.checkValidity()) {
      ask(store, { [target.name]: target.value });
    }
  });
  const redraw = () => draw(store, limit);
  store.on(["query"], redraw);
  store.on(["view", "failure"], redraw);
  startScope(store);
  redraw();
}

function draw(store, limit) {
  const { query, view, failure } = store.get();
  // Until there is something to say the panel is an outline: what is shown does not move later.
  if (view || failure) delete document.querySelector(".questions fieldset").dataset.first;
  for (const question of QUESTIONS) {
    const section = document.querySelector(`.question[data-question="${question}"]`);
    const open = query.question === question;
    section.classList.toggle("open", open);
    section.querySelector("input[name=question]").checked = open;
    if (view) drawHeadline(section.querySelector("[data-part=headline]"), question, view);
    const controls = section.querySelector("[data-part=controls]");
    controls.hidden = !open;
    if (open) drawControls(controls, store, limit);
    else show(controls);
  }
}

function drawHeadline(node, question, view) {
  const headline = view.headlines[question];
  if (headline.needs.length) {
    show(node, el("p", { class: "basis", text: headline.label }));
    return;
  }
  const out = headline.figure;
  const figure = {
    definition: headline.definition,
    title: headline.label,
    value: headline.value_text,
    of: out && count(out.of),
    unknown: out && count(out.unknown),
    date: view.as_of,
  };
  show(
    node,
    figureButton(
      "headline-figure",
      figure,
      el("span", { class: headline.value_text.length > LONG ? "value long" : "value", text: headline.value_text }),
      " ",
      el("span", { class: "label" }, unbroken(headline.label)),
    ),
    el("p", { class: "basis" }, unbroken(headline.basis)),
    headline.parts.length > 0 && [composition(headline.parts), partKeys(headline.parts)],
  );
}

function composition(parts) {
  const part = (one) => {
    const token = one.token;
    const fill = token === "hatch" ? null : `var(${tokenVariable(token)})`;
    return el("span", {
      class: fill ? "part" : "part hatched",
      vars: { "--size": one.count, "--fill": fill },
    });
  };
  return el(
    "div",
    { class: "composition", "aria-hidden": "true" },
    parts.filter(({ count: n }) => n > 0).map(part),
  );
}

/** Two classes are named here, all of them in the legend. */
function partKeys(parts) {
  const named = parts.filter(({ id, count: n }) => NAMED_PARTS.includes(id) && n > 0);
  return el(
    "p",
    { class: "part-keys" },
    named.map((one) => el("span", {}, swatch(one.token), `${one.title} ${count(one.count)}`)),
  );
}

/** The controls in their order; each is made anew only where what it shows has changed. */
function drawControls(node, store, limit) {
  const { query, view } = store.get();
  const { question, kind, unit, from, to } = query;
  const answered = view?.query.question === question;
  const gap = question === "gap";
  const slots = [
    gap && ["kind", kind, () => kindControl(query)],
    gap && limit && ["limit", "", () => limit],
    question === "hotspots" && ["period", [from, to, answered && view], () => periodControl(store)],
    ["unit", [question, unit], () => unitControl(query, store)],
    answered && ["told", view, () => [gap && threeWays(view), method(view)]],
  ].filter(Boolean);
  const made = Object.fromEntries([...node.children].map((slot) => [slot.dataset.slot, slot]));
  const names = slots.map(([name]) => name);
  for (const [name, slot] of Object.entries(made)) if (!names.includes(name)) slot.remove();
  let last = null;
  for (const [name, shown, make] of slots) {
    const slot = made[name] ?? el("div", { class: "slot", "data-slot": name });
    if (!made[name]) last ? last.after(slot) : node.prepend(slot);
    if (!same(drawn.get(slot), shown)) refill(slot, make());
    drawn.set(slot, shown);
    last = slot;
  }
}

/** What each slot shows. */
const drawn = new WeakMap();

function same(before, now) {
  if (!Array.isArray(now)) return Object.is(before, now);
  return Array.isArray(before) && now.every((item, i) => Object.is(item, before[i]));
}

/** Fill a slot; a control in it that holds the focus keeps it: it is the one being used. */
function refill(slot, ...content) {
  const focused = slot.contains(document.activeElement) ? document.activeElement.name : null;
  show(slot, content);
  if (!focused) return;
  const found = [...slot.querySelectorAll(`[name="${focused}"]`)];
  (found.find((input) => input.type !== "radio" || input.checked) ?? found[0])?.focus();
}

function threeWays(view) {
  if (!view.three_ways.length) return null;
  const way = ({ title, share, share_text: text, unknown_share: open, unknown_text: unknown, definition, withheld }) =>
    el(
      "div",
      { class: "way" },
      el("dt", { text: title }),
      el(
        "dd",
        {},
        el("span", {
          class: withheld ? "bar withheld" : share === null ? "bar hatched" : "bar",
          "aria-hidden": "true",
          vars: { "--share": share ?? 0, "--unknown": open ?? 0 },
        }),
        figureButton(
          withheld ? "way-value withheld" : "way-value",
          {
            text: withheld ? t("withheld_role") : undefined,
            definition,
            title,
            value: text,
            unknown,
            date: view.as_of,
          },
          text,
        ),
        unknown && el("span", { class: "vh", text: t("three_ways_unknown", { n: unknown }) }),
      ),
    );
  return el(
    "div",
    { class: "control" },
    el("p", { class: "control-label", text: t("three_ways") }),
    el("dl", { class: "ways" }, view.three_ways.map(way)),
  );
}

/** Whether it is shown how a question is counted: as somebody left it; at first where there is height for it. */
let methodOpen = matchMedia("(min-height: 60rem)").matches;

function method({ question }) {
  return el(
    "details",
    { class: "method", open: methodOpen, on: { toggle: ({ target }) => (methodOpen = target.open) } },
    el("summary", { text: t("method") }),
    (sight.aggregates !== "public" || question.id !== "hotspots") &&
      el("p", { text: t(`line_${question.id}`) }),
    el("p", {}, unbroken(question.method)),
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
      {},
      el("label", { class: "vh", for: name, text: label }),
      el("div", { class: "pick plain" }, el("select", { id: name, name }, options)),
    );
  const { query } = store.get();
  const clear = el("button", {
    type: "button",
    class: "text-button",
    text: t("clear"),
    on: {
      click: () => {
        ask(store, { subdistrict: "", community_kind: "" });
        node.querySelector("select").focus();
      },
    },
  });
  show(
    node,
    el("h2", { id: "scope-title", text: t("scope") }),
    el(
      "div",
      { class: "scope-picks" },
      pick(
        "subdistrict",
        t("subdistrict"),
        choices(
          district.subdistricts.filter(({ id }) => sight.subdistricts?.includes(id) ?? true),
          query.subdistrict,
          sight.aggregates === "area" ? t("whole_area") : t("whole_district"),
        ),
      ),
      pick(
        "community_kind",
        t("community_kind"),
        choices(district.community_kinds, query.community_kind, t("all_kinds")),
      ),
    ),
    clear,
  );
  const follow = ({ query: { subdistrict, community_kind: kind } }) => {
    node.querySelector("#subdistrict").value = subdistrict;
    node.querySelector("#community_kind").value = kind;
    setAttribute(clear, "hidden", !subdistrict && !kind);
  };
  store.on(["query"], follow);
  follow(store.get());
}
