/** The card of one unit: its facts, the reason in one sentence, distances against their limits. */

import { conditionAnswers } from "./conditions_empty.js";
import { byId, el, icon, iconButton, show } from "./dom.js";
import { copyAddress, figureButton, figureInText } from "./floating.js";
import { signInAddress } from "./url.js";
import { cell } from "./shapes.js";
import { count, language, metres, page, percent, sight, t } from "./words.js";

const MAIN_DISTANCES = 3;
const SEATS_ORDER = ["residents_group", "owners_committee", "property_management", "party_branch"];

/**
 * Bring the card to life.
 * @param {object} store
 * @param {{close: () => void, retry: () => void, zoomTo: (card: object) => void,
 *   record: (layer: string, code: string, tab: string) => void}} actions
 */
export function startCard(store, actions) {
  const node = byId("card");
  let all = false;
  const draw = () => {
    const { select, card, cardFailure } = store.get();
    node.hidden = !select;
    if (!select) return;
    if (cardFailure)
      show(
        node,
        el("div", { class: "card-tools" }, closeButton(actions)),
        trouble(cardFailure, actions.retry),
      );
    else if (card?.id !== select)
      show(
        node,
        el("div", { class: "card-tools" }, closeButton(actions)),
        el("p", { class: "card-wait", text: t("card_loading", { name: nameOf(store.get()) }) }),
      );
    else
      show(
        node,
        content(store.get(), actions, {
          all,
          toggle: () => {
            all = !all;
            draw();
            node.querySelector(".toggle")?.focus();
          },
        }),
      );
    if (card?.id === select) node.setAttribute("aria-label", card.name);
  };
  store.on(["card", "cardFailure", "select"], draw);
  node.addEventListener("keydown", (event) => {
    if (event.key === "Escape") actions.close();
  });
  draw();
}

/** The name that the list knows already. */
function nameOf({ view, select }) {
  return view?.rows.name[view.rows.id.indexOf(select)] ?? select;
}

function closeButton({ close }) {
  return iconButton("close", t("close"), close);
}

function trouble(failure, retry) {
  return el(
    "div",
    { class: "trouble", role: "alert" },
    el("p", { class: "trouble-title", text: t("error_card") }),
    el("p", { text: failure.sentence }),
    el("button", { type: "button", class: "button", on: { click: retry } }, icon("retry"), t("retry")),
  );
}

function content({ card, query }, actions, expansion) {
  const asked = card.demands.length > 0 && demands(card.demands);
  const walks = card.distances.length > 0 && distances(card.distances, query, expansion);
  return [
    el(
      "header",
      { class: "card-head" },
      el(
        "div",
        { class: "card-name" },
        el("h2", { tabindex: "-1", text: card.name }),
        card.tag && el("span", { class: `tag ${card.tag.tone}`, text: card.tag.text }),
      ),
      el("p", { class: "card-place", text: card.place }),
      el(
        "div",
        { class: "card-tools" },
        iconButton("whole", t("zoom_to"), () => actions.zoomTo(card)),
        iconButton("link", t("card_link"), () => copyAddress(location.href)),
        closeButton(actions),
      ),
    ),
    el(
      "div",
      { class: "card-body", tabindex: "0", role: "group", "aria-label": t("facts") },
      reason(card),
      card.conditions.length > 0 && conditionAnswers(card.conditions),
      card.seats && seats(card.seats),
      figures(card.figures),
      sight.aggregates === "public" && publicNote(),
      query.question === "hotspots" ? [asked, walks] : [walks, asked],
    ),
    card.unit === "communities" && sight.signed_in && recordButtons(card, actions),
  ];
}

/** To the community's record: correct it, for those who may, and what was done to it. */
function recordButtons({ id }, { record }) {
  const open = (tab) => () => record("communities", id, tab);
  return el(
    "footer",
    { class: "card-foot" },
    el("button", {
      type: "button",
      class: page.may_verify ? "button main" : "button",
      text: t(page.may_verify ? "record_correct" : "record_open"),
      on: { click: open("facts") },
    }),
    el("button", { type: "button", class: "button", text: t("record_history"), on: { click: open("history") } }),
  );
}

function reason({ reason: parts, tag }) {
  return el(
    "p",
    { class: `reason ${tag?.tone ?? ""}` },
    parts.map(({ text, fact, date }, i) => [
      i > 0 && language === "en" && " ",
      fact ? figureInText({ definition: fact, title: text, date }, underlined(text)) : text,
    ]),
  );
}

/** Dates and numbers carry the underline; a fact without any carries it whole. */
function underlined(text) {
  const parts = text.split(/(\d[\d.,-]*\d ?[%m]?|\d ?[%m]?)/);
  if (parts.length === 1) return el("u", { text });
  return parts.map((part, i) => (i % 2 ? el("u", { class: "nowrap", text: part }) : part));
}

function seats(all) {
  const ordered = [...all].sort((a, b) => SEATS_ORDER.indexOf(a.id) - SEATS_ORDER.indexOf(b.id));
  return el(
    "ul",
    { class: "four-seats", "aria-label": t("seats_heading") },
    ordered.map(({ id, title, value, detail, date }) =>
      el(
        "li",
        { class: value },
        cell(value),
        el(
          "div",
          {},
          figureButton(
            "seat",
            { definition: id, title, value: t(`seat_${value}`), date, source: detail },
            title,
            " ",
            el("strong", { text: t(`seat_${value}`) }),
          ),
          el(
            "p",
            { class: "seat-note" },
            date && el("time", { datetime: date, text: date }),
            date && detail && " ",
            detail,
          ),
        ),
      ),
    ),
  );
}

/** What the public is not told is said once, with the way to it. */
function publicNote() {
  return el(
    "p",
    { class: "public-note" },
    t("public_note"),
    !sight.signed_in && [" ", el("a", { href: signInAddress(), text: t("sign_in") })],
  );
}

function figures(all) {
  return el(
    "div",
    { class: all.length > 4 ? "card-figures many" : "card-figures", vars: { "--columns": all.length } },
    all.map(({ title, value_text: value, definition, date, source, suppressed, withheld, unknown }) =>
      figureButton(
        suppressed || withheld ? "card-figure withheld" : "card-figure",
        {
          definition,
          title,
          value,
          date: withheld ? undefined : date,
          source,
          unknown,
          text: withheld
            ? t("withheld_role")
            : suppressed && t("withheld_small", { n: sight.small_count, m: sight.least_complaints }),
        },
        el("span", { class: "card-value", text: value }),
        el("span", { class: "card-label", text: title }),
      ),
    ),
  );
}

function distances(all, { question, kind }, { all: expanded, toggle }) {
  const first = question === "gap" ? all.filter((row) => row.kind === kind) : [];
  const ordered = [...first, ...all.filter((row) => !first.includes(row))];
  const visible = expanded ? ordered : ordered.slice(0, MAIN_DISTANCES);
  return el(
    "section",
    { class: "distances" },
    el("h3", { text: t("distances_heading") }),
    el("dl", {}, visible.map(distance)),
    all.length > MAIN_DISTANCES &&
      el("button", {
        type: "button",
        class: "text-button toggle",
        "aria-expanded": String(expanded),
        text: expanded ? t("fewer_distances") : t("more_distances", { n: all.length }),
        on: { click: toggle },
      }),
  );
}

/** The bar is walking metres over the limit, so that the tick of every kind stands in one line. */
function distance({
  kind,
  title,
  access_m: access,
  straight_m: straight,
  limit_m: limit,
  limit_chosen: chosen,
  value_text: value,
  covered,
}) {
  const known = access !== null && access !== undefined;
  const verdict = covered === null ? t("not_known") : t(covered ? "covered" : "uncovered");
  const words = t(chosen ? "distance_title_chosen" : "distance_title", {
    title,
    access: known ? metres(access) : t("not_known"),
    limit: count(limit),
    verdict,
  });
  const figure = {
    definition: "access",
    title,
    value: words,
    text: known ? t("distances_note", { straight: count(straight) }) : undefined,
  };
  return el(
    "div",
    { class: "distance" },
    el("dt", { text: title }),
    el(
      "dd",
      {},
      el("span", {
        class: `reach ${covered === null ? "unknown" : covered ? "within" : "beyond"}`,
        "aria-hidden": "true",
        vars: { "--reach": known ? access / limit : 0 },
      }),
      figureButton("distance-value", figure, value ?? t("not_known")),
    ),
  );
}

function demands(all) {
  return el(
    "section",
    { class: "demands" },
    el("h3", { text: t("demands_heading") }),
    el(
      "dl",
      {},
      all.map(({ title, share, count: n }) =>
        el(
          "div",
          { class: "distance" },
          el("dt", { text: title }),
          el(
            "dd",
            {},
            el("span", { class: "bar", "aria-hidden": "true", vars: { "--share": share } }),
            figureButton(
              "distance-value",
              { definition: "complaints", title, value: count(n) },
              percent(share),
            ),
          ),
        ),
      ),
    ),
  );
}
