/** Scenarios beside each other and the present: a table in a dialog, with its files and its page to print. */

import { get } from "./api.js";
import { el, iconButton, show } from "./dom.js";
import { ROOM, supposes, writeScenarios } from "./what_if_scenario.js";
import { viewParams } from "./url.js";
import { count, language, t } from "./words.js";

const MOST = 6;
const FILES = ["csv", "xlsx", "geojson", "gpkg"];

/**
 * Open the table of scenarios.
 * @param {object} store
 * @param {import("./what_if_scenario.js").Scenario[]} drafts those in hand
 */
export function openComparison(store, drafts) {
  const known = drafts.filter(supposes);
  const picked = new Set(known.slice(0, MOST));
  const body = el("div", { class: "what-if-compared", "aria-live": "polite" });
  const dialog = el(
    "dialog",
    { class: "what-if-dialog", "aria-labelledby": "what-if-compare-title" },
    el(
      "header",
      {},
      el("h2", { id: "what-if-compare-title", text: t("what_if_compare") }),
      iconButton("close", t("close"), () => dialog.close()),
    ),
    known.length > 1 && picks(),
    body,
  );
  let asking = null;

  function picks() {
    const pick = (draft) =>
      el(
        "label",
        {},
        el("input", {
          type: "checkbox",
          checked: picked.has(draft),
          on: {
            change: ({ target }) => {
              if (target.checked && picked.size < MOST) picked.add(draft);
              else picked.delete(draft);
              target.checked = picked.has(draft);
              load();
            },
          },
        }),
        draft.name,
      );
    return el(
      "fieldset",
      { class: "what-if-picks" },
      el("legend", { text: t("what_if_compare_pick", { n: MOST }) }),
      known.map(pick),
    );
  }

  async function load() {
    asking?.abort();
    const chosen = known.filter((draft) => picked.has(draft));
    if (!chosen.length) {
      show(body, el("p", { text: t("what_if_compare_none") }));
      return;
    }
    asking = new AbortController();
    const params = viewParams(store.get().query);
    params.set("scenarios", writeScenarios(chosen));
    try {
      const told = await get("/api/what-if/compare", params, asking.signal);
      show(body, table(told), files(params));
    } catch (error) {
      if (error.name === "AbortError") return;
      show(body, el("div", { class: "trouble", role: "alert" }, el("p", { text: error.sentence })));
    }
  }

  document.body.append(dialog);
  dialog.addEventListener("close", () => dialog.remove());
  show(body, el("p", { text: t("loading") }));
  dialog.showModal();
  load();
}

function table({ columns, kinds }) {
  const steps = ({ steps: n, idle }) => (idle ? t("what_if_compare_idle", { n, i: idle }) : count(n));
  const row = ({ id, title, texts, values }) =>
    el(
      "tr",
      { "data-row": id },
      el("th", { scope: "row", text: title }),
      texts.map((text, n) => el("td", { class: values[n] === values[0] ? "same" : null, text })),
    );
  return el(
    "div",
    { class: "what-if-scroll", tabindex: "0", role: "group", "aria-label": t("what_if_compare") },
    el(
      "table",
      {},
      el(
        "thead",
        {},
        el(
          "tr",
          {},
          el("th", { scope: "col", text: t("what_if_figure") }),
          columns.map(({ name }) => el("th", { scope: "col", text: name })),
        ),
        el(
          "tr",
          {},
          el("th", { scope: "row", text: t("what_if_compare_steps") }),
          columns.map((one) => el("td", { text: steps(one) })),
        ),
      ),
      kinds.map(({ kind, title, limit_m: m, rows }) =>
        el(
          "tbody",
          {},
          el(
            "tr",
            { class: "what-if-kind" },
            el("th", {
              scope: "rowgroup",
              colspan: columns.length + 1,
              text: limited(kind, title, m),
            }),
          ),
          rows.map(row),
        ),
      ),
    ),
  );
}

/** A kind and what it is compared at. */
export function limited(kind, title, m) {
  return t(kind === ROOM ? "what_if_compare_room" : "what_if_compare_limit", { kind: title, m: count(m) });
}

function files(params) {
  const address = (path, more = {}) => {
    const all = new URLSearchParams([...params, ...Object.entries(more)]);
    if (language !== "zh") all.set("lang", language);
    return `${path}?${all}`;
  };
  const link = (format) =>
    el("a", {
      class: "button",
      href: address("/what-if/download", { format }),
      download: true,
      text: t(`what_if_${format}`),
    });
  return el(
    "p",
    { class: "what-if-files" },
    FILES.map(link),
    el("a", {
      class: "button",
      href: address("/what-if/sheet"),
      target: "_blank",
      rel: "noopener",
      text: t("what_if_sheet"),
    }),
  );
}
