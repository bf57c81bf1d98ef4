/** The legend of the wall's map: classes with their bounds, what is not known, the marks. */

import { byId, el, show } from "../dom.js";
import { isOpen } from "../map/states.js";
import { mark, swatch, tokenVariable } from "../shapes.js";
import { count, t } from "../words.js";

const RAMP = /^(gap|hot|quantity)[-+]/;

/** Show the legend of a view; `facilities` are those that its map marks, if any. */
export function showLegend(view, facilities) {
  const { title, classes } = view.legend;
  const ramp = classes.filter(({ token }) => RAMP.test(token));
  const apart = classes.filter(({ token, count: n }) => !RAMP.test(token) && n > 0 && token !== "land");
  const unit = view.query.unit === "communities" ? "wall_class_communities" : "wall_class_cells";
  byId("legend").hidden = false;
  show(
    byId("legend"),
    el("h2", { text: title }),
    ramp.length > 0 && rampOf(ramp),
    el(
      "ul",
      { class: "wall-keys" },
      apart.map((one) => el("li", {}, swatch(one.token, isOpen(one.id)), el("span", { text: t(unit, { title: one.title, n: count(one.count) }) }))),
      facilities &&
        el(
          "li",
          {},
          mark(facilities.kind),
          el("span", { text: t("wall_facilities", { title: facilities.title, n: count(facilities.count) }) }),
        ),
    ),
  );
}

function rampOf(classes) {
  const diverging = classes[0].token.startsWith("hot");
  return [
    el(
      "ol",
      { class: "wall-ramp" },
      classes.map((one) =>
        el(
          "li",
          { vars: { "--fill": `var(${tokenVariable(one.token)})` } },
          el("span", { class: "wall-ramp-field", "aria-hidden": "true" }),
          el("span", { text: diverging ? (one.title.match(/\d+\s?%/)?.[0] ?? "") : one.title }),
        ),
      ),
    ),
    diverging &&
      el(
        "p",
        { class: "wall-ends", "aria-hidden": "true" },
        el("span", { text: t("wall_fewer") }),
        el("span", { class: "wall-between", text: classes[(classes.length - 1) / 2].title }),
        el("span", { text: t("wall_more") }),
      ),
  ];
}
