/** My grid as a list: what is to be verified, by the numbers that stand on the map, and every community. */

import { byId, el, icon, show } from "../dom.js";
import { cell } from "../shapes.js";
import { communityRow, roomRow } from "./community.js";
import { metresBetween, openTasks } from "./data.js";
import { OUT, isOut } from "./head.js";
import { SIGN_IN, distance, told, w } from "./words.js";

/** So many rows at a time: a whole subdistrict's list must not make taps wait. */
const PART = 40;
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
    const held = node.contains(document.activeElement) && document.activeElement.closest("[data-task]")?.dataset.task;
    show(
      node,
      head(store, shown),
      tasks.length
        ? rows(tasks, (task) => row(task, store.get(), choose), { id: "task-rows" })
        : el("p", { class: "quiet", text: w("no_tasks") }),
      el("h2", { class: "panel-title second", text: w("communities", { n: shown.communities.length }) }),
      rows(shown.communities, (one) => communityRow(one, store, choose), {}),
      el("h2", { class: "panel-title second", text: w("rooms", { n: shown.rooms.length }) }),
      rows(shown.rooms, (one) => roomRow(one, store, choose), { id: "room-rows" }),
    );
    // Whoever goes by keys stays where they were.
    if (held) node.querySelector(`[data-task="${CSS.escape(held)}"] button`)?.focus({ preventScroll: true });
  };
  store.on(["shown", "order"], draw);
  store.on(["me"], ({ me, order }) => {
    // How far it is changes with every step: only what says so is written anew, unless the order follows it.
    if (order === "near" || Boolean(me) !== hadPlace) draw();
    else tellDistances(node, store.get());
    hadPlace = Boolean(me);
  });
  let hadPlace = false;
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

/** A list in parts: the next one comes by a button at the end. */
function rows(items, make, { id = null }) {
  const list = el("ol", { class: "rows", id });
  const grow = () => {
    const from = list.childElementCount - (more.parentNode ? 1 : 0);
    more.remove();
    list.append(...items.slice(from, from + PART).map(make));
    if (from + PART < items.length) list.append(more);
  };
  const more = el(
    "li",
    { class: "row-plain" },
    el("button", { type: "button", class: "touch", on: { click: grow } }, w("show_more")),
  );
  grow();
  return list;
}

function tellDistances(node, { me, shown }) {
  const tasks = new Map(shown?.tasks.map((task) => [task.id, task]));
  for (const one of node.querySelectorAll("[data-task]"))
    one.querySelector(".row-far").textContent = distance(metresBetween(me, tasks.get(one.dataset.task)));
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

/** Nothing to show yet: loading, signed out, no network and no package, or not for this role. */
function nothing(store, look) {
  const { link, session, failure } = store.get();
  const [title, text] =
    isOut(session)
      ? [w(OUT[session].title), w(OUT[session].more)]
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
    isOut(session)
      ? el("a", { class: "touch main", href: SIGN_IN, text: w("sign_in") })
      : link !== null && el("button", { type: "button", class: "touch", on: { click: look } }, icon("retry"), w("try_again")),
  );
}
