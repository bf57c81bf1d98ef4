/** The present view on paper: one sheet with title, map, legend, figures, first rows, date and source. */

import { drawLegend } from "./compare_legend.js";
import { conditionKeys } from "./conditions_empty.js";
import { byId, el, show } from "./dom.js";
import { say } from "./floating.js";
import { tokenVariable } from "./shapes.js";
import { wear } from "./tools.js";
import { count, page, t } from "./words.js";

/** What is left of a sheet inside its margins, in CSS pixels: 10 mm around A4, 12 mm around A3. */
const PAPERS = {
  a4: { width: 1046, height: 718 },
  a3: { width: 1496, height: 1031 },
};
const ASIDE = 296;
const GAP = 16;
const HEAD_AND_FOOT = 150;
/** Over and under two maps: a longer foot, the legends, the cross-table. */
const OF_TWO = 285;
/** Pixels per CSS pixel: 288 to the inch. */
const SHARP = 3;
const MOST_WAIT_MS = 10_000;
/** More rows than any sheet has room for; those that do not fit are left out whole. */
const MOST_ROWS = 60;

/**
 * Let the page be printed, by its own button or by the browser.
 * @param {object} store
 * @param {object} map Leaflet's map, the left one where there are two
 * @returns {(paper?: string) => Promise<void>} draws the map for paper and prints
 */
export function startPrint(store, map) {
  const root = document.documentElement;
  let before = null;
  const sheet = document.querySelector(".page");
  const boxes = () => [...document.querySelectorAll(".map-box")];

  /** What is put back afterwards. */
  const now = () => ({
    theme: root.dataset.theme,
    address: location.href,
    place: store.get().place,
    at: { center: map.getCenter(), zoom: map.getZoom() },
  });
  const fit = () => {
    const slot = slotOf(store.get(), root.dataset.paper);
    root.style.setProperty("--slot-width", `${slot.width}px`);
    root.style.setProperty("--slot-height", `${slot.height}px`);
    for (const box of boxes()) {
      const { clientWidth: width, clientHeight: height } = box;
      box.style.setProperty("--width", `${width}px`);
      box.style.setProperty("--height", `${height}px`);
      box.style.setProperty("--fit", Math.min(1, slot.width / width, slot.height / height));
    }
  };
  /** A map that stays as the screen has it is explained in its own colours, whatever the paper's are. */
  const keepColours = () => {
    const { view, views } = store.get();
    const shown = (views ?? [view]).filter(Boolean);
    const tokens = shown.flatMap(({ legend, conditions }) => [...legend.classes, conditions].map((one) => one?.token));
    const worn = getComputedStyle(root);
    for (const name of ["--hatch", "--hatch-bg", ...tokens.filter(Boolean).map(tokenVariable)])
      sheet.style.setProperty(name, worn.getPropertyValue(name));
  };
  const settle = () => {
    if (!before) return;
    const { theme, at, place } = before;
    before = null;
    sheet.removeAttribute("style");
    delete root.dataset.printing;
    delete root.dataset.paper;
    document.dispatchEvent(new CustomEvent("sharpen", { detail: null }));
    map.invalidateSize({ pan: false });
    map.setView(at.center, at.zoom, { animate: false });
    store.set({ place });
    if (theme !== "light") wear(store.get().theme);
  };
  addEventListener("beforeprint", () => {
    root.dataset.paper ??= "a4";
    // Whoever prints by the browser's menu gets the map as it is on the screen, and all else for paper.
    if (!before) keepColours();
    before ??= now();
    root.dataset.theme = "light";
    fit();
    draw(store.get(), before.address);
  });
  addEventListener("afterprint", settle);

  const print = async (paper = "a4") => {
    if (before) return;
    say(t("print_preparing"), { seen: true });
    const bounds = map.getBounds();
    before = now();
    root.dataset.paper = paper;
    try {
      fit();
      root.dataset.printing = "";
      if (before.theme !== "light") wear("light");
      map.invalidateSize({ pan: false });
      map.fitBounds(bounds, { animate: false });
      document.dispatchEvent(new CustomEvent("sharpen", { detail: SHARP }));
      await atRest();
      window.print();
    } catch (error) {
      // A page that cannot be printed is a page to work with all the same.
      settle();
      throw error;
    }
    // Some browsers hand over at once, and some never say that they are done: whoever goes on here is.
    for (const type of ["pointerdown", "keydown"]) addEventListener(type, settle, { once: true, capture: true });
  };
  addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() !== "p" || !(event.ctrlKey || event.metaKey) || event.shiftKey || event.altKey) return;
    event.preventDefault();
    print();
  });
  return print;
}

/** How large a map may be on a sheet: beside the legend, or two of them over their cross-table. */
function slotOf({ views, how }, paper) {
  const { width, height } = PAPERS[paper];
  if (views === undefined) return { width: width - ASIDE - GAP, height: height - HEAD_AND_FOOT };
  return {
    width: how === "swipe" ? width : Math.floor((width - 2) / 2),
    height: height - HEAD_AND_FOOT - OF_TWO,
  };
}

/** Wait until all maps stand still; one that will not is printed as it is. */
async function atRest() {
  const until = Date.now() + MOST_WAIT_MS;
  const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
  for (let i = 0; i < 3; i += 1) await frame();
  while (document.querySelector('.map[aria-busy="true"]') && Date.now() < until) await frame();
}

/** Write what stands around the map. */
function draw(state, address) {
  const { view, views, table } = state;
  const shown = views?.[0] ?? view;
  if (!shown) {
    show(byId("paper"));
    return;
  }
  show(
    byId("paper"),
    el(
      "header",
      { class: "paper-head" },
      el(
        "div",
        {},
        el("h2", { text: views ? views.map(({ question }) => question.title).join(" × ") : shown.question.title }),
        el("p", { text: asked(shown) }),
      ),
      el(
        "div",
        { class: "paper-whose" },
        el("strong", { text: document.querySelector(".district").textContent }),
        shown.as_of && el("span", { text: t("print_as_of", { date: shown.as_of }) }),
      ),
    ),
    !table && beside(shown),
    foot(views ?? [shown], address),
  );
}

/** What was asked for, in words: place, conditions, unit, kind and limit. */
function asked({ strip, query, limit, conditions }) {
  const { district } = page;
  const kind = district.facility_kinds.find(({ id }) => id === query.kind);
  const unit = district.units.find(({ id }) => id === query.unit)?.title ?? query.unit;
  const period = query.from || query.to ? `${query.from ?? ""} – ${query.to ?? ""}` : null;
  return [
    strip[0].title,
    ...(conditions?.items ?? []).map(({ title }) => title),
    `${t("unit")}: ${unit}`,
    query.question === "gap" && kind && `${kind.title} ${count(limit.metres)} m`,
    query.question === "hotspots" && period,
  ]
    .filter(Boolean)
    .join(" · ");
}

function beside(view) {
  const legend = el("div", { class: "paper-legend compare-legend" });
  drawLegend(legend, view);
  const { value_text: value, label, basis, needs } = view.headlines[view.query.question];
  const { rows, list } = view;
  const first = rows.id.slice(0, MOST_ROWS).map((_, at) =>
    el(
      "li",
      {},
      el("span", { text: view.conditions && at >= list.count ? "?" : String(at + 1) }),
      el("span", {}, el("strong", { text: rows.name[at] }), ` ${rows.place[at]}`),
      el("span", { text: rows.value_text[at] }),
    ),
  );
  return el(
    "div",
    { class: "paper-side" },
    !needs.length && [
      el("p", { class: "paper-number" }, el("strong", { text: value }), ` ${label}`),
      el("p", { text: basis }),
    ],
    el(
      "p",
      { class: "paper-strip" },
      view.strip.slice(1).map(({ title, value_text: said }) => el("span", {}, `${title} `, el("strong", { text: said }))),
    ),
    conditionKeys(view),
    legend,
    el(
      "p",
      { class: "paper-list" },
      el("strong", { text: list.title }),
      ` ${list.subtitle} · ${list.column.title}`,
    ),
    el("ol", { class: "paper-rows" }, first),
  );
}

function foot(views, address) {
  const district = document.querySelector(".district").textContent;
  const methods = [...new Set(views.map(({ question }) => question.method))].join(" ");
  return el(
    "footer",
    { class: "paper-foot" },
    el("p", { text: t("print_source", { district, method: methods }) }),
    el("p", {
      text: `${t("print_date", { date: today() })} · ${t("print_address", { address })}`,
    }),
  );
}

/** The day in this browser's own time, as ISO writes it. */
function today() {
  const now = new Date();
  const two = (n) => String(n).padStart(2, "0");
  return `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`;
}
