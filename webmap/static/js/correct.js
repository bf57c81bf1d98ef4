/** The record of one feature, over the list: its facts with a form to correct them, and its history. */

import { get } from "./api.js";
import { startConflict } from "./correct_conflict.js";
import { factForm } from "./correct_form.js";
import { historyList } from "./correct_history.js";
import { startPlace } from "./correct_place.js";
import { el, icon, iconButton, show } from "./dom.js";
import { say } from "./floating.js";
import { joined, t } from "./words.js";

const TABS = ["facts", "history"];

/**
 * Make the panel.
 * @param {{leaflet: object, side: HTMLElement, changed: () => void}} page where it stands, and what is told of a write
 * @returns {{open: (layer: string, code: string, tab?: "facts"|"history") => Promise<void>, close: () => void}}
 */
export function createRecord({ leaflet, side, changed }) {
  const node = el("section", {
    class: "record",
    role: "dialog",
    "aria-labelledby": "record-title",
    tabindex: "-1",
    hidden: true,
  });
  side.append(node);
  const place = startPlace(leaflet);
  let opener = null;
  let asking = null;
  let shown = { layer: "", code: "", tab: "facts", facts: null, form: null, message: "" };

  const close = () => {
    asking?.abort();
    node.hidden = true;
    place.hide();
    // The card has been drawn anew since, if something was written.
    (opener?.isConnected ? opener : side.querySelector(".card-foot button"))?.focus();
    opener = null;
  };

  const open = async (layer, code, tab = "facts") => {
    if (node.hidden) opener = document.activeElement;
    asking?.abort();
    const mine = new AbortController();
    asking = mine;
    place.hide();
    shown = { layer, code, tab, facts: null, form: null, message: "" };
    node.hidden = false;
    frame({ name: "" }, el("p", { class: "record-wait", role: "status", text: t("record_loading") }));
    node.focus({ preventScroll: true });
    try {
      const facts = await get(`/api/facts/${layer}/${encodeURIComponent(code)}`, {}, mine.signal);
      if (asking !== mine) return;
      shown.facts = facts;
      await draw();
      node.querySelector("h2")?.focus({ preventScroll: true });
    } catch (error) {
      if (error.name !== "AbortError" && asking === mine) failed(error);
    }
  };

  const failed = (error) =>
    frame(
      shown.facts ?? { name: shown.code },
      el(
        "div",
        { class: "trouble", role: "alert" },
        el("p", { class: "trouble-title", text: t("record_failed") }),
        el("p", { text: error.sentence ?? error.message }),
        el(
          "button",
          { type: "button", class: "button", on: { click: () => open(shown.layer, shown.code, shown.tab) } },
          icon("retry"),
          t("retry"),
        ),
      ),
    );

  const frame = (facts, ...content) =>
    show(
      node,
      el(
        "header",
        { class: "record-head" },
        el("h2", { id: "record-title", tabindex: "-1", text: facts.name }),
        facts.version !== undefined &&
          el("p", {
            class: "record-place",
            text: t("record_place", {
              layer: facts.layer_title,
              code: facts.code,
              version: facts.version,
            }),
          }),
        iconButton("close", t("close"), close),
      ),
      facts.version !== undefined && tabs(),
      content,
    );

  const tabs = () =>
    el(
      "div",
      { class: "record-tabs", role: "group", "aria-label": t("record") },
      TABS.map((tab) =>
        el("button", {
          type: "button",
          "aria-pressed": String(shown.tab === tab),
          "data-tab": tab,
          text: t(`record_${tab}`),
          on: {
            click: async () => {
              shown.tab = tab;
              shown.message = "";
              await draw();
              node.querySelector(`[data-tab="${tab}"]`).focus();
            },
          },
        }),
      ),
    );

  const draw = async () => {
    const { facts, tab, message } = shown;
    const told = message && el("p", { class: "record-message", text: message });
    if (tab === "history") {
      frame(facts, el("p", { class: "record-wait", role: "status", text: t("record_loading") }));
      const list = await historyList(facts);
      if (shown.facts === facts && shown.tab === tab) frame(facts, told, list);
      return;
    }
    // What has been typed outlives a look at the history.
    shown.form ??= factForm(facts, { place, written, conflicted, cancel: close });
    frame(facts, told, shown.form);
  };

  /** What was written is in the record, in its history, and in whatever else the page shows. */
  const written = async (answer) => {
    const parts = [
      answer.already && !answer.changed.length
        ? t("record_so_already")
        : t("record_saved", { version: answer.version }),
    ];
    if (answer.merged.length) parts.push(t("record_merged", { fields: titles(answer) }));
    shown = { ...shown, facts: answer.facts ?? shown.facts, form: null, message: parts.join(" ") };
    say(shown.message, { seen: true });
    changed();
    await draw();
    node.querySelector("h2")?.focus({ preventScroll: true });
  };

  const titles = ({ facts, merged }) =>
    joined(
      merged.map((name) => facts?.fields.find(({ field }) => field === name)?.title ?? t("record_position")),
    );

  const conflicted = async (error, request) => {
    const { layer, code } = shown;
    try {
      const theirs = await get(`/api/facts/${layer}/${encodeURIComponent(code)}`);
      shown = { ...shown, facts: theirs, form: null };
      place.hide();
      frame(
        theirs,
        startConflict(error.said, request, theirs, {
          written,
          again: (next) => conflicted(next.error, next.request),
          back: () => {
            shown.message = "";
            draw();
          },
        }),
      );
      node.querySelector(".conflict h3")?.focus();
    } catch (failure) {
      failed(failure);
    }
  };

  node.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.defaultPrevented) {
      event.stopPropagation();
      close();
    }
  });
  return { open, close };
}
