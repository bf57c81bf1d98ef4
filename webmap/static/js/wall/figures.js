/** The wall's figures: three questions, two coverages, six linkages. No number stands without what it is a part of. */

import { byId, el, setAttribute, show, unbroken } from "../dom.js";
import { tokenVariable } from "../shapes.js";
import { count, t } from "../words.js";
import { cells } from "./cells.js";

const MANY = 10_000;
const AMOUNT = /([+−][\d.,]+)/u;

let found = null;

/** Show the figures that have come. */
export function showFigures(figures) {
  found = figures;
  byId("as-of").textContent = figures.as_of ? t("wall_as_of", { date: figures.as_of }) : t("wall_no_as_of");
  for (const one of figures.questions) question(one);
  show(byId("pair"), figures.pair.map(pairOf));
  show(byId("linkages"), figures.linkages.map(linkage));
}

/** Put a question's definition under the map, and its title over it. */
export function explainQuestion(id) {
  const one = found?.questions.find((each) => each.id === id);
  if (!one) return;
  byId("map-title").textContent = one.title;
  define(byId("definition"), one);
}

/** Mark the n-th linkage, and say how its figure is counted: of the two coverages both. */
export function explainLinkage(n, node) {
  const one = found?.linkages[n];
  if (!one) return;
  for (const card of byId("linkages").children)
    setAttribute(card, "data-current", card.dataset.linkage === one.id);
  define(node, one.figures[0]);
}

function define(node, { definition }) {
  show(node, el("strong", { text: t("wall_how") }), el("span", {}, unbroken(definition)));
}

function question({ id, title, value, label, basis, rest, trend, definition, token, recorded }) {
  const node = document.querySelector(`[data-question="${id}"]`);
  node.style.setProperty("--mark", `var(${tokenVariable(token)})`);
  setAttribute(node, "data-go", id);
  setAttribute(node, "data-unrecorded", !recorded);
  show(
    node,
    el("h2", { text: title }),
    el(
      "p",
      { class: "wall-value" },
      el("strong", { text: value }),
      el("span", { class: "wall-label", text: label }),
    ),
    el(
      "div",
      { class: "wall-lines" },
      recorded &&
        el("p", { class: "wall-line" }, el("span", {}, unbroken(basis)), el("span", {}, changed(trend))),
      recorded && rest && el("p", { class: "wall-line wall-rest", text: rest }),
      el("p", { class: "wall-line wall-explained" }, el("span", {}, unbroken(definition))),
    ),
  );
}

/** A trend's words, with the amount of the change marked: what a leader looks for first. */
function changed(trend) {
  return trend
    .split(AMOUNT)
    .map((part, i) => (i % 2 ? el("b", { class: "wall-change", text: part }) : unbroken(part)));
}

/** Of very many only of how many it is a share: there is no room for both numbers. */
function baseOf({ count: met, of }) {
  return of < MANY ? `${count(met)} / ${count(of)}` : t("wall_of", { n: count(of) });
}

function pairOf({ id, value, label, figure, recorded }) {
  return el(
    "p",
    { class: "wall-half", "data-half": id, "data-unrecorded": !recorded },
    el("strong", { text: value }),
    el(
      "span",
      {},
      el("span", { text: label }),
      recorded && el("span", { class: "wall-base", text: baseOf(figure) }),
    ),
  );
}

function linkage({ id, title, figures }) {
  const two = figures.length > 1;
  return el(
    "article",
    { class: two ? "wall-linkage both" : "wall-linkage", "data-linkage": id },
    el("h2", { text: title }),
    two ? el("div", { class: "wall-two" }, figures.map(coverage)) : single(figures[0]),
  );
}

function coverage({ id, value, label, basis, rest, trend, figure, reference, recorded }) {
  const share = recorded ? reference.share : null;
  return el(
    "div",
    { class: "wall-coverage", "data-figure": id, "data-unrecorded": !recorded },
    el(
      "div",
      { class: "wall-coverage-head" },
      el("strong", { class: "wall-number", text: value }),
      el(
        "p",
        {},
        el("b", { text: label }),
        recorded && [el("span", { text: basis }), el("span", { text: rest }), el("span", {}, changed(trend))],
      ),
    ),
    recorded && cells(figure, share),
    published(reference, share),
  );
}

/** Under the line that it belongs to: to its left where the line is far right. */
function published(reference, share) {
  const node = el("p", {
    class: reference.published ? "wall-reference amber" : "wall-reference",
    text: reference.text,
  });
  if (share !== null) {
    node.classList.add(share > 0.6 ? "ends" : "begins");
    node.style.setProperty("--share", share);
  }
  return node;
}

function single({ id, value, label, basis, rest, trend, figure, reference, recorded }) {
  return [
    el("p", { class: "wall-what", text: label }),
    el(
      "p",
      { class: "wall-single", "data-figure": id, "data-unrecorded": !recorded },
      el("strong", { class: "wall-number", text: value }),
      recorded && el("span", { class: "wall-trend" }, changed(trend)),
    ),
    basis && el("p", { class: "wall-basis", text: basis }),
    rest && el("p", { class: "wall-basis", text: rest }),
    recorded && figure ? bar(figure, reference.share) : null,
    published(reference, null),
  ];
}

function bar({ rate }, share) {
  const node = el("div", { class: "wall-bar", vars: { "--rate": rate } }, el("span", { class: "wall-bar-fill" }));
  if (share !== null) node.append(el("span", { class: "wall-bar-tick", vars: { "--share": share } }));
  return node;
}
