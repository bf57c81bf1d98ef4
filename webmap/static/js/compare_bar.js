/** The bar over two compared maps, and the legend over each of them. */

import { byId, el, iconButton, show } from "./dom.js";
import { ask } from "./state.js";
import { QUESTIONS } from "./url.js";
import { page, t } from "./words.js";

/** Bring the bar to life: which questions, side by side or by swipe, and what is chosen. */
export function startBar(store) {
  const node = byId("compare-bar");
  const side = (name, label, spoken, put) => {
    const select = el(
      "select",
      {
        name,
        "aria-label": t(spoken),
        on: { change: ({ target }) => put(target.value) },
      },
      QUESTIONS.map((id) => el("option", { value: id, text: t(`compare_${id}`) })),
    );
    return [el("label", { class: "compare-pick" }, t(label), select), select];
  };
  const [left, leftSelect] = side("left", "compare_left", "compare_left_label", (question) =>
    ask(store, { question }),
  );
  const [right, rightSelect] = side("right", "compare_right", "compare_right_label", (question) =>
    store.set({ right: question }),
  );
  const name = el("strong", { class: "compare-name" });
  const told = el("p", { class: "compare-told" });
  const how = (id, label) =>
    el(
      "label",
      { class: "segment" },
      el("input", {
        class: "vh",
        type: "radio",
        name: "how",
        value: id,
        on: { change: () => store.set({ how: id }) },
      }),
      el("span", { text: t(label) }),
    );
  const ways = el(
    "div",
    { class: "segments", role: "radiogroup", "aria-label": t("compare_how"), "data-pairs": true },
    how("side", "compare_side"),
    how("swipe", "compare_over"),
  );
  show(node, name, left, iconButton("swap", t("compare_swap"), () => swap(store)), right, told, ways);
  const follow = () => {
    const state = store.get();
    name.textContent = t(state.how === "swipe" ? "compare_swipe" : "compare");
    leftSelect.value = state.query.question;
    rightSelect.value = state.right;
    for (const input of ways.querySelectorAll("input")) input.checked = input.value === state.how;
    const unit = unitChosen(state);
    show(told, unit ? [el("strong", { text: unit.name }), `\u2003${unit.told}`] : t("compare_linked"));
  };
  store.on(["query", "right", "how", "select", "views"], follow);
  follow();
}

/** Put the left question to the right, and the other way round. */
export function swap(store) {
  const state = store.get();
  const { query, right } = state;
  store.set({ query: { ...query, question: right }, right: query.question });
}

/** What both answers say of the chosen unit. */
export function unitChosen({ select, views }) {
  if (!select || !views) return null;
  const [left, right] = views.map((view) => {
    const at = view.rows.id.indexOf(select);
    if (at < 0) return null;
    const title = view.legend.classes.find(({ id }) => id === view.rows.class[at]).title;
    return { name: view.rows.name[at], text: `${view.legend.title}: ${title}` };
  });
  if (!left || !right) return null;
  return { name: left.name, told: t("compare_both", { left: left.text, right: right.text }) };
}

/** Mark in the left panel which question stands on which side. */
export function startSideMarks(store) {
  const follow = () => {
    const { query, right } = store.get();
    for (const id of QUESTIONS) {
      const section = document.querySelector(`.question[data-question="${id}"]`);
      section.querySelector(".side-mark")?.remove();
      const side = { [query.question]: "compare_left", [right]: "compare_right" }[id];
      if (side) section.append(el("span", { class: "side-mark", text: t(side) }));
    }
  };
  store.on(["query", "right"], follow);
  follow();
}

/** What there is to count, where a question has none of the layers that it needs. */
export function missing({ views, query, right }) {
  const [view] = views;
  const needs = [query.question, right].flatMap((id) => view.headlines[id].needs);
  return needs.length ? [...new Set(needs)].map((id) => page.layers[id]) : null;
}
