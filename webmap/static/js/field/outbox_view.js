/** The outbox as a list: what waits, what needs a person, what has arrived. */

import { byId, el, icon, show } from "../dom.js";
import { cell } from "../shapes.js";
import { isOpen } from "./outbox.js";
import { dayOf, told, when, w } from "./words.js";

/**
 * Start the list.
 * @param {object} store
 * @param {{send: Function, drop: Function}} outbox
 * @param {{choose: (id: string) => void, conflict: (seq: number) => void}} actions
 */
export function startOutboxView(store, outbox, { choose, conflict }) {
  const node = byId("outbox-list");
  const draw = () => {
    const { edits, holder, link, session } = store.get();
    const mine = edits.filter((edit) => edit.holder === holder);
    const open = mine.filter(isOpen);
    const others = edits.filter((edit) => isOpen(edit) && edit.holder !== holder).length;
    show(
      node,
      el(
        "div",
        { class: "panel-head" },
        el("h2", { class: "panel-title", id: "outbox-title", tabindex: "-1", text: w("tab_outbox") }),
        el("p", { class: "panel-sub", text: open.length ? w("outbox_n", { n: open.length }) : w("outbox_none") }),
        open.some(({ state }) => state === "waiting") &&
          el(
            "button",
            { type: "button", class: "touch", disabled: session !== "ok", on: { click: () => outbox.send() } },
            icon("retry"),
            w("send_now"),
          ),
      ),
      el("ol", { class: "rows" }, open.map((edit) => row(edit, { link, store, choose, conflict, outbox }))),
      others > 0 && el("p", { class: "quiet", text: w("outbox_others", { n: others }) }),
      arrived(mine.filter((edit) => !isOpen(edit))),
    );
  };
  store.on(["edits", "sending", "holder", "link", "session"], draw);
  draw();
}

function row(edit, context) {
  const value = Object.values(edit.body.values)[0];
  return el(
    "li",
    { class: "row-plain tall", "data-state": edit.state },
    cell(value),
    el(
      "span",
      { class: "row-text" },
      el("span", { class: "row-title", text: changeOf(edit) }),
      el("span", {
        class: "row-sub",
        text: [told(edit.shown.name), when(edit.at), reason(edit)].filter(Boolean).join(" · "),
      }),
    ),
    action(edit, context),
  );
}

/** What an edit changes: 业委会：有 → 无. */
function changeOf({ body, shown }) {
  const [field, value] = Object.entries(body.values)[0];
  const [from, to] = [w(`answer_${shown.before}`), w(`answer_${value}`)];
  return from === to
    ? w("change_same", { title: w(`field_${field}`), to })
    : w("change_to", { title: w(`field_${field}`), from, to });
}

function reason({ state, why }) {
  if (state === "conflict") return w("somebody_was_first");
  return state === "refused" ? why : "";
}

function action(edit, { link, store, choose, conflict, outbox }) {
  const { state, seq, shown } = edit;
  if (state === "conflict")
    return el("button", { type: "button", class: "touch bad", on: { click: () => conflict(seq) } }, w("see_conflict"));
  if (state === "refused") {
    const mend = () => {
      const { extra } = store.get();
      store.set({ extra: { ...extra, [shown.of.id]: { ...shown.of, edit } } });
      choose(shown.of.id);
    };
    return el(
      "span",
      { class: "row-actions" },
      el("button", { type: "button", class: "touch warn", disabled: !store.get().shown, on: { click: mend } }, w("mend")),
      el(
        "button",
        {
          type: "button",
          class: "touch",
          on: { click: () => confirm(w("drop_confirm", { change: changeOf(edit) })) && outbox.drop([seq]) },
        },
        w("drop"),
      ),
    );
  }
  const sending = store.get().sending === seq;
  const text = sending ? w("state_sending") : link === "online" ? w("state_queued") : w("state_waiting");
  return el("span", { class: "row-state" }, icon("clock"), text);
}

/** What has arrived: today's count, and all of it one tap away. */
function arrived(done) {
  if (!done.length) return null;
  const today = done.filter((edit) => dayOf(edit.done) === dayOf(Date.now()) && edit.state === "sent");
  const last = done.at(-1);
  return el(
    "details",
    { class: "arrived" },
    el(
      "summary",
      {},
      icon("check"),
      el(
        "span",
        { class: "row-text" },
        el("span", { class: "row-title", text: w("arrived_today", { n: today.length }) }),
        el("span", { class: "row-sub", text: w("arrived_last", { at: when(last.done) }) }),
      ),
      icon("chevron"),
    ),
    el(
      "ol",
      { class: "rows" },
      done.toReversed().map((edit) =>
        el(
          "li",
          { class: "row-plain" },
          cell(Object.values(edit.body.values)[0]),
          el(
            "span",
            { class: "row-text" },
            el("span", { class: "row-name", text: changeOf(edit) }),
            el("span", {
              class: "row-sub",
              text: [
                told(edit.shown.name),
                when(edit.done),
                edit.state === "sent" ? w("receipt", { version: edit.answer.version }) : w("state_left"),
              ].join(" · "),
            }),
          ),
        ),
      ),
    ),
  );
}
