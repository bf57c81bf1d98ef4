/** The legend: classes with their bounds, how many residents live in each, unknown and uninhabited apart. */

import { conditionKeys } from "./conditions_empty.js";
import { byId, el, icon, show } from "./dom.js";
import { isOpen } from "./map/states.js";
import { mark, swatch, tokenVariable } from "./shapes.js";
import { count, page, people, t } from "./words.js";

/** Classes that are named only where some unit is of them. */
const IF_ANY = ["masked", "few", "withheld"];
const RAMP = /^(gap|hot|quantity)[-+]/;

/** Whether there is room for a legend on a map. On a small one it starts folded: the map is what the space is for. */
export function isRoomy({ clientWidth, clientHeight }) {
  return clientWidth > 520 && clientHeight > 420;
}

/** Bring the legend to life. */
export function startLegend(store) {
  const node = byId("legend");
  let open = isRoomy(node.parentElement);
  const draw = () => {
    const { view, query } = store.get();
    const nothing =
      !view || (view.rows.id.length === 0 && !view.rest?.id.length) || view.headlines[view.query.question].needs.length > 0;
    node.hidden = nothing;
    if (nothing) return;
    const { title, subtitle, classes } = view.legend;
    const ramp = classes.filter(({ token }) => RAMP.test(token));
    const apart = classes.filter(({ token }) => !RAMP.test(token));
    const fold = el(
      "button",
      {
        type: "button",
        class: "legend-fold",
        "aria-expanded": String(open),
        on: {
          click: () => {
            open = !open;
            draw();
            node.querySelector("button").focus();
          },
        },
      },
      el("span", { class: "legend-title", text: view.conditions?.title ?? title }),
      icon("chevron"),
    );
    node.classList.toggle("folded", !open);
    node.classList.toggle("listed", ramp.length === 0);
    show(
      node,
      el("h2", { class: "legend-head" }, fold),
      el(
        "div",
        { class: "legend-body" },
        conditionKeys(view),
        subtitle && el("p", { class: "legend-subtitle", text: subtitle }),
        ramp.length ? [rampOf(ramp), keys(apart, query, view)] : [listed(apart)],
      ),
    );
  };
  store.on(["view"], draw);
  draw();
}

function amount({ count: units, residents }) {
  const counted = t("legend_count", { n: count(units) });
  return !residents ? counted : `${counted}, ${t("legend_people", { n: people(residents) })}`;
}

function rampOf(classes) {
  const withBars = classes[0].token.startsWith("gap");
  const measure = classes.some(({ residents }) => residents > 0) ? "residents" : "count";
  const top = Math.max(...classes.map((one) => one[measure]), 1);
  const diverging = classes[0].token.startsWith("hot");
  return [
    el(
      "ol",
      { class: withBars ? "ramp with-bars" : "ramp" },
      classes.map((one) =>
        el(
          "li",
          { vars: { "--fill": `var(${tokenVariable(one.token)})`, "--share": one[measure] / top } },
          withBars && el("span", { class: "ramp-bar", "aria-hidden": "true" }),
          el("span", { class: "ramp-field", "aria-hidden": "true" }),
          el("span", {
            class: "ramp-title",
            text: (diverging && one.title.match(/\d+\s?%/)?.[0]) || one.title,
          }),
          el("span", { class: "vh", text: amount(one) }),
        ),
      ),
    ),
    diverging &&
      el(
        "p",
        { class: "ramp-ends", "aria-hidden": "true" },
        el("span", { text: t("legend_fewer") }),
        el("span", { text: t("legend_more") }),
      ),
  ];
}

function keys(classes, query, view) {
  const kind = page.district.facility_kinds.find(({ id }) => id === query.kind);
  return el(
    "ul",
    { class: "keys" },
    classes
      .filter(({ id, count: n }) => !IF_ANY.includes(id) || n > 0)
      .map((one) =>
        el(
          "li",
          {},
          swatch(one.token, isOpen(one.id)),
          el("span", { text: one.title }),
          one.count > 0 && el("span", { class: "keys-count", text: count(one.count) }),
        ),
      ),
    view.query.question === "gap" &&
      kind &&
      el(
        "li",
        {},
        mark(kind.id),
        el("span", { text: kind.short ?? kind.title }),
        el("span", { class: "keys-count", text: count(kind.count) }),
      ),
  );
}

function listed(classes) {
  return el(
    "ul",
    { class: "classes" },
    classes
      .filter(({ id, count: n }) => !IF_ANY.includes(id) || n > 0)
      .map((one) =>
        el(
          "li",
          {},
          swatch(one.token, isOpen(one.id)),
          el("span", { text: one.title }),
          el("strong", { text: count(one.count ?? 0) }),
        ),
      ),
  );
}
