/** What the list and the legend say of conditions: what removed the last match, and how the map shows them. */

import { countCommunities, misplacedOf, partsOf, setParts } from "./conditions_model.js";
import { el } from "./dom.js";
import { cell, swatch } from "./shapes.js";
import { count, t } from "./words.js";

/** Where nothing meets the conditions: which one removed the last, and how many cannot be told. Else null. */
export function noMatchOf(store) {
  const { view } = store.get();
  const { items, emptied_by: at, unknown } = view.conditions;
  if (at === null) return null;
  const drop = () =>
    setParts(
      store,
      partsOf(store.get().query).filter((part) => part !== items[at].text),
    );
  return el(
    "div",
    { class: "no-match" },
    el("p", { class: "trouble-title", text: t("no_match") }),
    el("p", { text: t("no_match_by", { condition: items[at].title }) }),
    el("p", { text: t("conditions_open_cases", { n: count(unknown) }) }),
    el(
      "div",
      { class: "drops" },
      el("button", {
        type: "button",
        class: "button",
        text: t("drop", { condition: items[at].title }),
        on: { click: drop },
      }),
    ),
  );
}

/** What helps where a condition cannot be asked of the units that are counted by: a way out for each. Null elsewhere. */
export function wayOutOf(store) {
  const misplaced = misplacedOf(store.get());
  if (!misplaced.length) return null;
  const drop = () =>
    setParts(
      store,
      partsOf(store.get().query).filter((part) => !misplaced.includes(part)),
    );
  const way = (text, click) => el("button", { type: "button", class: "button", text, on: { click } });
  return el(
    "div",
    { class: "drops" },
    way(t("drop", { condition: t("condition_floating") }), drop),
    way(t("conditions_to_communities"), () => countCommunities(store)),
  );
}

/** The legend of conditions, above that of the ground; null where there are none. */
export function conditionKeys({ conditions: answered, legend }) {
  if (!answered) return null;
  const key = (sign, text, number) =>
    el("li", {}, sign, el("span", { text }), el("strong", { text: count(number) }));
  return el(
    "div",
    { class: "condition-keys" },
    el(
      "ul",
      { class: "keys" },
      key(swatch(answered.token), t("conditions_match"), answered.matches),
      key(openSign(), t("cannot_tell"), answered.unknown),
    ),
    el("p", {
      class: "legend-subtitle",
      text: t("conditions_ground", { n: count(answered.rest), title: legend.title }),
    }),
  );
}

/** How one unit meets each condition: on its card. */
export function conditionAnswers(conditions) {
  const words = { yes: "condition_yes", no: "condition_no", unknown: "cannot_tell" };
  return el(
    "ul",
    { class: "condition-answers", "aria-label": t("conditions") },
    conditions.map(({ title, answer }) =>
      el(
        "li",
        {},
        cell(answer),
        el("span", { text: title }),
        el("strong", { text: t(words[answer]) }),
      ),
    ),
  );
}

/** How the map draws units of which it cannot be told whether they meet the conditions. */
export function openSign() {
  return el("span", { class: "open-sign" }, cell("unknown"));
}
