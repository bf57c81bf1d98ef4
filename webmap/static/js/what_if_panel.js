/** The panel of what-if: the scenario in hand, its steps, and what they change against the present. */

import { el, iconButton, show, unbroken } from "./dom.js";
import { menu } from "./floating.js";
import { changes, results } from "./what_if_results.js";
import { isSaved } from "./what_if_saved.js";
import { ROOMS, rounded, supposes, toldOf } from "./what_if_scenario.js";
import { metres, page, t } from "./words.js";

/** Draw the panel; what is being typed stays, for each part is made anew only where what it shows has changed. */
export function drawPanel(panel, store, actions) {
  const { scenario, whatIf, placing, query, adding: room, shown, failure, existing: known } = store.get();
  const kind = room || query.kind;
  const existing = known?.kind === kind ? known : null;
  const told = supposes(scenario) ? whatIf : null;
  const parts = {
    head: [[], () => head(actions)],
    file: [[scenario.key, scenario.saved], () => file(scenario, actions)],
    adding: [[placing, existing, kind], () => adding(placing, existing, kind, actions)],
    told: [[told, failure, shown], () => [failure && trouble(failure), told && results(told, actions)]],
    steps: [[scenario.steps, told?.steps], () => steps(scenario, told, actions)],
    changes: [[told], () => told && changes(told, actions)],
  };
  for (const [name, [shownNow, make]] of Object.entries(parts)) {
    let part = panel.querySelector(`[data-part="${name}"]`);
    if (!part) panel.append((part = el("div", { class: `what-if-${name}`, "data-part": name })));
    const before = drawn.get(part);
    if (before && shownNow.every((value, i) => Object.is(value, before[i]))) continue;
    drawn.set(part, shownNow);
    refill(part, make());
  }
  // A button that was made anew under the finger would lose the click.
  panel.querySelector('[data-key="save"]').disabled = !supposes(scenario) || isSaved(scenario);
}

/** What each part shows. */
const drawn = new WeakMap();

/** Fill a part; the control in it that holds the focus keeps it where it is there again. */
function refill(part, ...content) {
  const key = part.contains(document.activeElement) ? document.activeElement.dataset.key : null;
  show(part, content);
  if (key) part.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus();
}

/** A button that is found again by its key when its part is made anew. */
function button(key, text, click, more = {}) {
  return el("button", { type: "button", class: "button", "data-key": key, text, on: { click }, ...more });
}

function head(actions) {
  return [
    el("h2", { id: "what-if-title", tabindex: "-1", text: t("what_if") }),
    menu({ icon: "folder", label: t("what_if_choose") }, (panel) => scenarios(panel, actions)),
    button("compare", t("what_if_compare"), () => actions.compare(), { class: "text-button" }),
    iconButton("close", t("what_if_end"), () => actions.end()),
  ];
}

/** The menu of scenarios: those in hand, those that the server keeps, a new one. */
function scenarios(panel, actions) {
  const entry = (text, click) =>
    el("button", {
      type: "button",
      class: "menu-item",
      text,
      on: {
        click: () => {
          panel.hidePopover();
          click();
        },
      },
    });
  const others = el("div");
  actions.saved.list().then((saved) =>
    show(
      others,
      saved
        .filter(({ id }) => !actions.drafts.some((draft) => draft.saved?.id === id))
        .map((thing) =>
          entry(thing.mine ? thing.name : `${thing.name} · ${thing.owner.title || thing.owner.name}`, () =>
            actions.saved.open(thing.id),
          ),
        ),
    ),
  );
  return [
    actions.drafts.map((draft) =>
      entry(isSaved(draft) ? draft.name : `${draft.name} · ${t("what_if_unsaved")}`, () => actions.saved.reopen(draft)),
    ),
    others,
    entry(`+ ${t("what_if_new")}`, () => actions.create()),
  ];
}

function file(scenario, actions) {
  const name = el("input", {
    type: "text",
    maxlength: 80,
    value: scenario.name,
    "data-key": "name",
    "aria-label": t("what_if_name"),
    on: { input: ({ target }) => target.value.trim() && actions.keep({ name: target.value.trim() }) },
  });
  const kept = scenario.saved;
  return [
    el(
      "div",
      { class: "what-if-row" },
      name,
      button("save", t("what_if_save"), () => actions.saved.save(), {
        class: "button main",
      }),
    ),
    kept &&
      el(
        "div",
        { class: "what-if-row" },
        kept.may.share &&
          el(
            "label",
            { class: "what-if-share" },
            el("input", {
              type: "checkbox",
              checked: kept.shared,
              "data-key": "share",
              on: { change: ({ target }) => actions.saved.save({ shared: target.checked }) },
            }),
            t("what_if_share"),
          ),
        kept.may.remove &&
          button("remove", t("what_if_remove"), () => actions.saved.remove(), { class: "text-button" }),
      ),
  ];
}

function kinds() {
  return [
    ...ROOMS.map((id) => ({ id, title: t(`what_if_kind_${id}`) })),
    ...page.district.facility_kinds.map(({ id, title }) => ({ id, title })),
  ];
}

function adding(placing, existing, kind, actions) {
  const what = el(
    "select",
    {
      "aria-label": t("what_if_what"),
      "data-key": "what",
      on: { change: ({ target }) => actions.choose(target.value) },
    },
    kinds().map(({ id, title }) => el("option", { value: id, selected: id === kind, text: title })),
  );
  const isPlacing = Boolean(placing);
  const place = button("place", t("what_if_place"), () => actions.place(isPlacing ? null : { kind }), {
    class: isPlacing ? "button main" : "button",
    "aria-pressed": String(isPlacing),
  });
  return [
    el("div", { class: "pick plain" }, what),
    el(
      "div",
      { class: "what-if-row" },
      place,
      button("existing", t("what_if_existing"), () => actions.list(existing ? null : kind), { "aria-expanded": String(Boolean(existing)) }),
    ),
    isPlacing && el("p", { class: "what-if-help", text: t("what_if_place_help") }),
    existing && there(existing, actions),
    typed(kind, actions),
  ];
}

function there(existing, actions) {
  if (!existing.places.length) return el("p", { class: "what-if-help", text: t("what_if_existing_none") });
  const row = (one) =>
    el(
      "li",
      {},
      el(
        "span",
        { class: "what-if-there" },
        el("button", {
          type: "button",
          class: "text-button",
          "data-key": `there-${one.code}`,
          text: one.name,
          on: { click: () => actions.flyTo(one.lon, one.lat) },
        }),
        el("small", { text: metres(one.away_m) }),
      ),
      button(`move-${one.code}`, t("what_if_move"), () => actions.place(one)),
      button(`close-${one.code}`, t("what_if_close"), () => actions.close(one)),
    );
  return [
    el("p", { class: "what-if-help", text: t("what_if_existing_help") }),
    el("ul", { class: "what-if-existing" }, existing.places.map(row)),
  ];
}

function typed(kind, actions) {
  const field = (key, low, high) =>
    el("input", {
      type: "number",
      step: "any",
      min: low,
      max: high,
      required: true,
      inputmode: "decimal",
      "data-key": key,
      "aria-label": t(`what_if_${key}`),
      placeholder: t(`what_if_${key}`),
    });
  const lon = field("lon", -180, 180);
  const lat = field("lat", -90, 90);
  const add = () => {
    if (lon.reportValidity() && lat.reportValidity())
      actions.add(kind, rounded(lon.valueAsNumber), rounded(lat.valueAsNumber));
  };
  const enter = ({ key }) => key === "Enter" && add();
  for (const input of [lon, lat]) input.addEventListener("keydown", enter);
  return el(
    "details",
    { class: "what-if-typed" },
    el("summary", { text: t("what_if_typed") }),
    el("div", { class: "what-if-row" }, lon, lat, button("add", t("what_if_add"), add)),
    el("p", { class: "what-if-help", text: t("what_if_degrees") }),
  );
}

function steps(scenario, told, actions) {
  const row = (step, n) => {
    const known = toldOf(step, told?.steps[n]);
    const [lon, lat] = step.lon === undefined ? (known?.before ?? []) : [step.lon, step.lat];
    return el(
      "li",
      { class: known && known.status !== "done" ? "idle" : null },
      el("b", { class: "what-if-number", text: String(n + 1) }),
      el(
        "div",
        {},
        el("span", { text: known?.title ?? t(`what_if_${step.action}`) }),
        known?.note && el("small", {}, unbroken(known.note)),
      ),
      lon !== undefined &&
        iconButton("whole", t("what_if_show", { n: n + 1 }), () => actions.flyTo(lon, lat), "icon-button small"),
      iconButton("close", t("what_if_drop", { n: n + 1 }), () => actions.drop(n), "icon-button small"),
    );
  };
  return [
    el(
      "div",
      { class: "what-if-row" },
      el("h3", { text: `${t("what_if_steps")} ${scenario.steps.length}` }),
      button("undo", t("what_if_undo"), () => actions.undo(), {
        class: "text-button",
        disabled: !actions.undone.length,
      }),
    ),
    scenario.steps.length
      ? el("ol", { class: "what-if-list" }, scenario.steps.map(row))
      : el("p", { class: "what-if-help", text: t("what_if_none") }),
  ];
}

function trouble(failure) {
  return el(
    "div",
    { class: "trouble", role: "alert" },
    el("p", { class: "trouble-title", text: t("what_if_failed") }),
    el("p", { text: failure.sentence }),
  );
}
