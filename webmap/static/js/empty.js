/** A district that cannot answer the open question yet: which layers it needs, and the next step. */

import { byId, el, icon, show } from "./dom.js";
import { copyAddress } from "./floating.js";
import { signInAddress } from "./url.js";
import { count, joined, language, page, sight, t } from "./words.js";

const STEPS = ["subdistricts", "neighbourhoods", "communities", "buildings", "facilities", "complaints"];
const { district, importing, layers } = page;

/** Bring the panel to life. */
export function startEmpty(store) {
  const node = byId("empty");
  let closed = "";
  const draw = () => {
    const { view, query } = store.get();
    const needs = view?.headlines[query.question].needs ?? [];
    node.hidden = !needs.length || closed === query.question;
    if (node.hidden) return;
    const next = nextStep(view, needs);
    show(
      node,
      el(
        "header",
        { class: "empty-head" },
        el("h2", { text: t("empty_title", { layer: inSentence(layers[next]) }) }),
        el(
          "button",
          {
            type: "button",
            class: "icon-button",
            "aria-label": t("empty_close"),
            title: t("empty_close"),
            on: {
              click: () => {
                closed = query.question;
                node.hidden = true;
              },
            },
          },
          icon("close"),
        ),
      ),
      el("p", { text: t("empty_for", { question: view.question.title }) }),
      el(
        "ul",
        { class: "steps" },
        STEPS.map((layer) => step(layer, next, view)),
      ),
      importing.may ? wayIn(next) : whomToAsk(),
    );
  };
  store.on(["view"], draw);
  draw();
}

/** How to import the next layer: in the browser where that is open, and by a command beside. */
function wayIn(next) {
  const byCommand = [
    command(`wangge import ${next} ${fileName(next)} --dry-run`),
    el("p", { class: "empty-note" }, t("empty_text"), " ", t("empty_formats")),
  ];
  if (!importing.in_browser) return [el("p", { class: "control-label", text: t("empty_command") }), byCommand];
  const asked = new URLSearchParams({ layer: next, ...(language !== "zh" && { lang: language }) });
  return [
    el(
      "p",
      { class: "empty-way" },
      el("a", { class: "button main", href: `/data?${asked}`, text: t("empty_import", { layer: inSentence(layers[next]) }) }),
      el("span", { text: t("empty_formats") }),
    ),
    el("p", { class: "empty-note", text: t("empty_checked") }),
    el("details", { class: "empty-other" }, el("summary", { text: t("empty_command_too") }), byCommand),
  ];
}

/** Who may not import is told who may. */
function whomToAsk() {
  return [
    el("p", { class: "empty-whom" }, el("strong", { text: t("empty_not_yours") }), " ", importing.whom),
    !sight.signed_in && el("p", {}, el("a", { class: "button main", href: signInAddress(), text: t("sign_in") })),
  ];
}

/** Where nothing can be answered yet, the communities come first: they answer a question of their own. */
function nextStep({ headlines }, needs) {
  const nothing = Object.values(headlines).every((headline) => headline.needs.length);
  return nothing && !district.counts.communities
    ? "communities"
    : STEPS.find((layer) => needs.includes(layer));
}

/** A title as it stands in a sentence. */
export function inSentence(title) {
  return language === "en" ? title.toLowerCase() : title;
}

function fileName(layer) {
  return page.words[`file_name_${layer}`] ?? `${layer}.gpkg`;
}

function step(layer, next, view) {
  const n = district.counts[layer] ?? 0;
  const questions = Object.entries(view.headlines)
    .filter(([, { needs }]) => needs.includes(layer))
    .map(([id]) => t(`ordinal_${id}`));
  const state =
    n > 0
      ? ["done", t("empty_done", { n: count(n) })]
      : layer === next
        ? ["next", t("empty_next")]
        : ["missing", t("empty_missing")];
  return el(
    "li",
    { class: state[0], "aria-current": layer === next ? "step" : null },
    el("span", { class: "step-cell", "aria-hidden": "true" }),
    el("strong", { text: layers[layer] }),
    el(
      "span",
      { class: "step-shape" },
      t(`shape_${layer}`),
      questions.length > 0 && ` · ${t("answers", { questions: joined(questions) })}`,
    ),
    el("span", { class: "step-state", text: state[1] }),
  );
}

function command(text) {
  return el(
    "div",
    { class: "command" },
    el("code", { text }),
    el(
      "button",
      {
        type: "button",
        class: "icon-button",
        "aria-label": t("copy_link"),
        on: { click: () => copyAddress(text) },
      },
      icon("copy"),
    ),
  );
}
