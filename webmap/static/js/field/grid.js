/** My grid as a list: what is to be verified, by the numbers that stand on the map, and every community. */

import { byId, el, icon, show } from "../dom.js";
import { cell, swatch } from "../shapes.js";
import { metresBetween, openTasks } from "./data.js";
import { distance, told, w } from "./words.js";

const CLASS_TOKENS = {
  double_none: "double-none",
  unknown: "hatch",
  no_manager: "block",
  no_committee: "block",
  complete: "block",
};
const STATES = {
  waiting: "state_waiting",
  sent: "state_sent",
  refused: "state_refused",
  conflict: "state_conflict",
};

/**
 * Start the list.
 * @param {object} store
 * @param {{choose: (id: string) => void, look: () => void}} actions `choose` opens a task
 */
export function startGrid(store, { choose, look }) {
  const node = byId("grid-list");
  const draw = () => {
    const { shown, order, me } = store.get();
    if (!shown) {
      show(node, nothing(store, look));
      return;
    }
    const tasks = sorted(shown.tasks, order, me);
    show(
      node,
      head(store, shown),
      tasks.length
        ? el("ol", { class: "rows", id: "task-rows" }, tasks.map((task) => row(task, store.get(), choose)))
        : el("p", { class: "quiet", text: w("no_tasks") }),
      el("h2", { class: "panel-title second", text: w("communities", { n: shown.communities.length }) }),
      el("ul", { class: "rows" }, shown.communities.map(community)),
    );
  };
  store.on(["shown", "order", "me"], draw);
  store.on(["chosen"], () => {
    for (const one of node.querySelectorAll(".row")) {
      const is = one.dataset.task === store.get().chosen;
      one.classList.toggle("chosen", is);
      one.querySelector("button")?.setAttribute("aria-current", String(is));
    }
  });
  store.on(["link", "session", "failure"], () => store.get().shown || draw());
  draw();
}

function head(store, shown) {
  const { order, me } = store.get();
  const left = openTasks(shown).length;
  return el(
    "div",
    { class: "panel-head" },
    el("h2", { class: "panel-title", id: "grid-title", tabindex: "-1", text: w("go_and_verify") }),
    el("p", {
      class: "panel-sub",
      text: w(order === "near" ? "tasks_by_distance" : "tasks_by_urgency", { n: left }),
    }),
    el(
      "button",
      {
        type: "button",
        class: "touch",
        "aria-pressed": String(order === "near"),
        disabled: !me && order !== "near",
        title: me ? null : w("sort_needs_place"),
        on: { click: () => store.set({ order: order === "near" ? "urgent" : "near" }) },
      },
      w(order === "near" ? "sort_by_urgency" : "sort_by_distance"),
    ),
  );
}

function sorted(tasks, order, me) {
  if (order !== "near" || !me) return tasks;
  return [...tasks].sort((one, other) => metresBetween(me, one) - metresBetween(me, other));
}

function row(task, { me, chosen }, choose) {
  const { edit } = task;
  const why = edit ? w(STATES[edit.state]) : told(task.why.text);
  return el(
    "li",
    { class: `row${task.id === chosen ? " chosen" : ""}${edit ? " done" : ""}`, "data-task": task.id },
    el(
      "button",
      {
        type: "button",
        class: "row-button",
        "aria-current": String(task.id === chosen),
        on: { click: () => choose(task.id) },
      },
      el("span", { class: "row-number", text: String(task.rank) }),
      el(
        "span",
        { class: "row-text" },
        el("span", { class: "row-title", text: told(task.question) }),
        el(
          "span",
          { class: "row-sub" },
          told(task.name),
          " · ",
          edit && cell(Object.values(edit.body.values)[0]),
          el("span", { class: task.why.urgent && !edit ? "urgent" : null, text: why }),
        ),
      ),
      me && el("span", { class: "row-far", text: distance(metresBetween(me, task)) }),
      icon("chevron"),
    ),
  );
}

function community({ name, class: found }) {
  return el(
    "li",
    { class: "row-plain" },
    swatch(CLASS_TOKENS[found] ?? "block"),
    el("span", { class: "row-name", text: name }),
    el("span", { class: "row-far", text: w(`class_${CLASS_TOKENS[found] ? found : "unknown"}`) }),
  );
}

/** Nothing to show yet: loading, signed out, no network and no package, or not for this role. */
function nothing(store, look) {
  const { link, session, failure } = store.get();
  const [title, text] =
    session === "signed_out" || session === "revoked"
      ? [w("signed_out"), w("signed_out_more")]
      : failure
        ? [w("not_here"), failure]
        : link === "offline" || link === "busy"
          ? [w("nothing_taken"), w("nothing_taken_more")]
          : [w("loading"), ""];
  return el(
    "div",
    { class: "blank" },
    el("h2", { id: "grid-title", tabindex: "-1", text: title }),
    text && el("p", { text }),
    session === "signed_out" || session === "revoked"
      ? el("a", { class: "touch main", href: "/sign-in?next=/field", text: w("sign_in") })
      : link !== null && el("button", { type: "button", class: "touch", on: { click: look } }, icon("retry"), w("try_again")),
  );
}
