/** A view's legend in two lines, for the head of a compared map and for paper: classes, and what is unknown apart. */

import { openSign } from "./conditions_empty.js";
import { el, show } from "./dom.js";
import { isOpen } from "./map/states.js";
import { mark, swatch, tokenVariable } from "./shapes.js";
import { count, page, t } from "./words.js";

const RAMP = /^(gap|hot|quantity)[-+]/;
/** Classes that are named only where some unit is of them. */
const IF_ANY = ["masked", "few", "withheld"];

/**
 * Write a view's legend into `node`.
 * @param {HTMLElement} node
 * @param {object} view
 * @param {{places?: boolean, others?: boolean}} [options] `places`: whether facilities are on the map; `others`: whether
 *   units are on it that do not meet the conditions, or of which it cannot be told, among the classes of those that do
 */
export function drawLegend(node, view, { places = true, others = false } = {}) {
  const ramp = view.legend.classes.filter(({ token }) => RAMP.test(token));
  const apart = view.legend.classes.filter(
    ({ id, token, count: n }) => !RAMP.test(token) && (!IF_ANY.includes(id) || n > 0),
  );
  const key = ({ id, token, title, count: n }) =>
    el("li", {}, swatch(token, isOpen(id)), el("span", { text: `${title} ${count(n)}` }));
  const rest = others && view.conditions && otherKeys(view);
  show(
    node,
    el("h2", { text: view.legend.title }),
    ramp.length
      ? [
          el("ul", { class: "classes" }, places && facilities(view), apart.map(key), rest),
          el("ol", { class: "ramp" }, ramp.map(step)),
        ]
      : el("ul", { class: "classes" }, view.legend.classes.map(key), rest),
  );
}

/** What conditions make of units that do not meet them: the colours of all classes, paler, and an edge where it is open. */
function otherKeys({ conditions, legend }) {
  const colours = legend.classes.filter(({ token }) => token !== "hatch");
  const paler = el(
    "span",
    { class: "receding", "aria-hidden": "true" },
    colours.map(({ token }) => el("span", { vars: { "--fill": `var(${tokenVariable(token)})` } })),
  );
  const key = (sign, words, n) => el("li", {}, sign, el("span", { text: `${t(words)} ${count(n)}` }));
  return [
    key(openSign(), "compare_open", conditions.unknown),
    key(paler, "compare_recede", conditions.rest),
  ];
}

function facilities({ query }) {
  const kind = query.question === "gap" && page.district.facility_kinds.find(({ id }) => id === query.kind);
  if (!kind) return null;
  return el("li", {}, mark(kind.id), el("span", { text: `${kind.short ?? kind.title} ${count(kind.count)}` }));
}

function step({ token, title, count: n }) {
  return el(
    "li",
    { vars: { "--fill": `var(${tokenVariable(token)})` } },
    el("span", { class: "ramp-field", "aria-hidden": "true" }),
    el("span", { class: "ramp-title", text: (token.startsWith("hot") && title.match(/\d+\s?%/)?.[0]) || title }),
    el("span", { class: "vh", text: `${title}: ${t("legend_count", { n: count(n) })}` }),
  );
}
