/** What a scenario changes against the present: figures, who gains and who loses, double-none first. */

import { el, unbroken } from "./dom.js";
import { limited } from "./what_if_compare.js";
import { count, metres, t } from "./words.js";

const LISTED = 30;
const CHANGES = ["gained", "lost", "open", "nearer", "farther"];

function shownOf(told) {
  return told.results.find(({ kind }) => kind === told.shown);
}

/** The figures of the kind that is shown, before and after. */
export function results(told, actions) {
  const result = shownOf(told);
  if (!result) return null;
  return [
    told.results.length > 1 && tabs(told, actions),
    el("p", { class: "what-if-help", text: limited(result.kind, result.title, result.limit_m) }),
    figures(result),
    result.mediation && el("p", { class: "what-if-due" }, unbroken(due(result.mediation))),
    el("p", { class: "what-if-counts" }, unbroken(counts(result))),
  ];
}

/** The communities that change, and how it is counted. */
export function changes(told, actions) {
  const result = shownOf(told);
  if (!result) return null;
  const { communities_unknown: u, figures: rows } = result;
  return [
    keys(told),
    communities(result, actions),
    el("p", { class: "what-if-help" }, unbroken(t("what_if_unknown", { u, c: rows[2].after.unknown }))),
    el("details", {}, el("summary", { text: t("what_if_method") }), el("p", { class: "what-if-help", text: result.method })),
  ];
}

function tabs(told, actions) {
  return el(
    "div",
    { class: "what-if-tabs", role: "group", "aria-label": t("what_if_of_kind") },
    told.results.map(({ kind, title }) =>
      el("button", {
        type: "button",
        class: "button",
        "data-key": `tab-${kind}`,
        "aria-pressed": String(kind === told.shown),
        text: title,
        on: { click: () => actions.show(kind) },
      }),
    ),
  );
}

function tone(change) {
  return change > 0 ? "more" : change < 0 ? "fewer" : "same";
}

function figures(result) {
  const cell = (one) => [
    el("strong", { text: one.text }),
    el("small", { text: `${count(one.figure.count)} / ${count(one.figure.of)}` }),
  ];
  return el(
    "table",
    { class: "what-if-figures" },
    el(
      "thead",
      {},
      el(
        "tr",
        {},
        ["figure", "before", "after", "change"].map((one) => el("th", { scope: "col", text: t(`what_if_${one}`) })),
      ),
    ),
    el(
      "tbody",
      {},
      result.figures.map((one) =>
        el(
          "tr",
          {},
          el("th", { scope: "row", text: one.title }),
          el("td", {}, cell({ text: one.before_text, figure: one.before })),
          el("td", {}, cell({ text: one.after_text, figure: one.after })),
          el(
            "td",
            { class: tone(one.change) },
            el("strong", { text: one.change_text }),
            one.unknown_change !== 0 &&
              el("small", { text: t("what_if_unknown_change", { n: one.unknown_change_text }) }),
          ),
        ),
      ),
    ),
  );
}

function due({ households_at_least: h, before, after }) {
  return t("what_if_due", {
    h,
    e: after.eligible,
    a: before.served,
    b: after.served,
    c: before.missing,
    d: after.missing,
    u: after.cannot_tell,
  });
}

function keys({ units }) {
  const some = ["gained", "lost", "open"].filter((one) => units[one].length);
  return (
    some.length > 0 &&
    el(
      "ul",
      { class: "what-if-keys" },
      some.map((one) =>
        el(
          "li",
          {},
          el("span", { class: `what-if-swatch ${one}`, "aria-hidden": "true" }),
          `${t(`what_if_key_${one}`)} ${count(units[one].length)}`,
        ),
      ),
    )
  );
}

function counts({ changes, communities: all }) {
  if (!all.length) return t("what_if_no_change");
  return t("what_if_counts", {
    g: changes.gained.communities,
    gd: changes.gained.double_none,
    l: changes.lost.communities,
    ld: changes.lost.double_none,
    p: changes.nearer.communities + changes.farther.communities,
    o: changes.open.communities,
    v: CHANGES.reduce((sum, name) => sum + changes[name].villages, 0),
  });
}

function communities(result, actions) {
  if (!result.communities.length) return null;
  const listed = result.communities.slice(0, LISTED);
  const more = result.more + result.communities.length - listed.length;
  return [
    el("h3", { text: t("what_if_communities") }),
    el("ul", { class: "what-if-communities" }, listed.map((one) => community(one, actions))),
    more > 0 && el("p", { class: "what-if-help", text: t("what_if_more", { n: count(more) }) }),
  ];
}

function community(one, actions) {
  const walk = (value) => (value === null ? t("not_known") : metres(value));
  return el(
    "li",
    { class: one.change },
    el(
      "button",
      {
        type: "button",
        "data-key": `community-${one.code}`,
        on: { click: () => actions.flyTo(one.lon, one.lat) },
      },
      el(
        "span",
        { class: "what-if-community" },
        el("b", { text: one.name }),
        one.double_none === "yes" && el("span", { class: "tag double-none", text: t("what_if_double_none") }),
        !one.published && el("span", { class: "tag", text: t("what_if_village") }),
      ),
      el("span", { class: "what-if-turn", text: t(`what_if_${one.change}`) }),
      el("small", {
        text: `${one.place} · ${t("what_if_walk", { a: walk(one.walk_before_m), b: walk(one.walk_after_m) })}`,
      }),
      (one.residents !== 0 || !one.open_residents) &&
        el("strong", { class: tone(one.residents), text: t("what_if_people", { n: one.residents_text }) }),
      one.open_residents > 0 &&
        el("strong", { class: "same", text: t("what_if_people_open", { n: count(one.open_residents) }) }),
    ),
  );
}
