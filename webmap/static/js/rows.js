/** The rows of the list, only those in sight: a district has thousands of cells, a screen has room for twenty. */

import { el, show } from "./dom.js";
import { cell, seatsGlyph, seatsText, sparkline } from "./shapes.js";
import { sight, t } from "./words.js";

const AROUND = 12;

/**
 * Fill a scrolling box with a view's rows.
 * @param {HTMLElement} box
 * @param {object} view
 * @param {{choose: (id: string, how?: object) => void, top: number, order: number[]}} actions `top` is where it is
 *   scrolled to, `order` the positions of the rows as they are listed
 * @returns {{choose: (id: string|null) => void, focus: (id: string) => void, stop: () => void}}
 */
export function startRows(box, view, { choose, top: scrolled, order }) {
  const { rows, list } = view;
  const total = order.length;
  const idAt = (at) => rows.id[order[at]];
  const placeOf = (id) => order.indexOf(rows.id.indexOf(id));
  const height = rowHeight(box);
  const options = {
    list,
    open: Boolean(view.conditions),
    top: rows.value.reduce((most, value) => Math.max(most, value ?? 0), 0),
    withSeats: rows.seats.some(Boolean),
    withMonths: rows.months.some((months) => months?.some(Boolean)),
  };
  const made = new Map();
  const sheet = el("div", { class: "sheet", role: "presentation", vars: { "--rows": total } });
  let chosen = null;
  let current = 0;
  show(box, sheet);
  box.scrollTop = scrolled;

  const draw = () => {
    const first = Math.max(0, Math.floor(box.scrollTop / height) - AROUND);
    const last = Math.min(total, Math.ceil((box.scrollTop + box.clientHeight) / height) + AROUND);
    const held = sheet.contains(document.activeElement) ? Number(document.activeElement.dataset.at) : -1;
    for (const [i, node] of made) {
      if ((i < first || i >= last) && i !== held && i !== current) {
        node.remove();
        made.delete(i);
      }
    }
    for (let i = first; i < last; i += 1) put(i);
    put(current);
  };
  const put = (i) => {
    if (made.has(i)) return made.get(i);
    const node = row(rows, order[i], i, options);
    node.setAttribute("aria-selected", String(idAt(i) === chosen));
    node.setAttribute("tabindex", i === current ? "0" : "-1");
    // The order in the document is the order on the screen: readers follow it.
    const next = [...made.keys()].filter((other) => other > i).sort((a, b) => a - b)[0];
    sheet.insertBefore(node, next === undefined ? null : made.get(next));
    made.set(i, node);
    return node;
  };
  const enter = (i) => {
    made.get(current)?.setAttribute("tabindex", "-1");
    current = i;
    put(i).setAttribute("tabindex", "0");
  };
  const bringIntoView = (i) => {
    const top = i * height;
    if (top < box.scrollTop) box.scrollTop = top;
    else if (top + height > box.scrollTop + box.clientHeight) box.scrollTop = top + height - box.clientHeight;
    draw();
  };
  const walk = (event) => {
    const at = Number(event.target.closest(".row")?.dataset.at ?? NaN);
    if (Number.isNaN(at)) return;
    const pageful = Math.max(1, Math.floor(box.clientHeight / height) - 1);
    const step = {
      ArrowDown: at + 1,
      ArrowUp: at - 1,
      Home: 0,
      End: total - 1,
      PageDown: at + pageful,
      PageUp: at - pageful,
    }[event.key];
    if (event.key === "Enter" || event.key === " ") choose(idAt(at), { byKeyboard: true });
    else if (step === undefined) return;
    else {
      enter(Math.min(Math.max(step, 0), total - 1));
      bringIntoView(current);
      made.get(current).focus({ preventScroll: true });
    }
    event.preventDefault();
  };
  sheet.addEventListener("keydown", walk);
  sheet.addEventListener("click", ({ target }) => {
    const node = target.closest(".row");
    if (node) choose(node.dataset.id);
  });
  box.addEventListener("scroll", draw, { passive: true });
  const resized = new ResizeObserver(draw);
  resized.observe(box);

  return {
    choose(id) {
      chosen = id;
      for (const [i, node] of made) node.setAttribute("aria-selected", String(idAt(i) === id));
      const at = id === null ? -1 : placeOf(id);
      if (at < 0) return;
      enter(at);
      bringIntoView(at);
    },
    focus(id) {
      const at = Math.max(0, placeOf(id));
      enter(at);
      bringIntoView(at);
      made.get(at).focus({ preventScroll: true });
    },
    stop: () => resized.disconnect(),
  };
}

function rowHeight(box) {
  const probe = el("div", { class: "row" });
  show(box, probe);
  return probe.offsetHeight;
}

/** The row `i` of the view, listed at place `at`. */
function row(rows, i, at, { list, open, top, withSeats, withMonths }) {
  const value = rows.value[i];
  const seats = rows.seats[i];
  const months = rows.months[i];
  const suppressed = rows.suppressed[i];
  const listed = i < list.count;
  return el(
    "div",
    {
      class: listed ? "row" : "row rest",
      role: "row",
      "aria-rowindex": at + 2,
      "data-id": rows.id[i],
      "data-at": at,
      vars: { "--at": at },
    },
    open && !listed
      ? el(
          "span",
          { class: "rank", role: "gridcell" },
          cell("unknown"),
          el("span", { class: "vh", text: t("cannot_tell") }),
        )
      : el("span", { class: "rank", role: "gridcell", text: listed ? i + 1 : "–" }),
    el(
      "span",
      { class: "name", role: "rowheader" },
      el("span", { class: "name-text", title: rows.name[i], text: rows.name[i] }),
      el("span", { class: "place", text: rows.place[i] }),
    ),
    withSeats &&
      el(
        "span",
        { class: "four", role: "gridcell" },
        seats && [el("span", { class: "vh", text: seatsText(seats) }), seatsGlyph(seats)],
      ),
    el(
      "span",
      { class: "value", role: "gridcell" },
      el("span", {
        class: suppressed ? "value-text withheld" : "value-text",
        title: suppressed ? t("withheld_small", { n: sight.small_count, m: sight.least_complaints }) : null,
        text: rows.value_text[i],
      }),
      el("span", {
        class: suppressed ? "bar withheld" : value === null ? "bar hatched" : "bar",
        "aria-hidden": "true",
        vars: { "--share": top > 0 && value > 0 ? value / top : 0 },
      }),
    ),
    withMonths &&
      el(
        "span",
        { class: "months", role: "gridcell" },
        el("span", { class: "vh", text: t("months_title", { months: months.join(", ") }) }),
        sparkline(months),
      ),
  );
}
