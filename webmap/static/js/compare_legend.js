/** A view's legend in two lines, for the head of a compared map and for paper: classes, and what is unknown apart. */

import { el, show } from "./dom.js";
import { mark, swatch, tokenVariable } from "./shapes.js";
import { count, page, t } from "./words.js";

const RAMP = /^(gap|hot|quantity)[-+]/;
/** Classes that are named only where some unit is of them. */
const IF_ANY = ["masked", "few", "withheld"];

/**
 * Write a view's legend into `node`.
 * @param {HTMLElement} node
 * @param {object} view
 * @param {{places?: boolean}} [options] `places`: whether facilities are on the map
 */
export function drawLegend(node, view, { places = true } = {}) {
  const ramp = view.legend.classes.filter(({ token }) => RAMP.test(token));
  const apart = view.legend.classes.filter(
    ({ id, token, count: n }) => !RAMP.test(token) && (!IF_ANY.includes(id) || n > 0),
  );
  const key = ({ token, title, count: n }) =>
    el("li", {}, swatch(token), el("span", { text: `${title} ${count(n)}` }));
  show(
    node,
    el("h2", { text: view.legend.title }),
    ramp.length
      ? [
          el("ul", { class: "classes" }, places && facilities(view), apart.map(key)),
          el("ol", { class: "ramp" }, ramp.map(step)),
        ]
      : el("ul", { class: "classes" }, view.legend.classes.map(key)),
  );
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
