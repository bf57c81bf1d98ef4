/** Keys for all of the page, and the list of them. Single letters can be turned off: speech input types them too. */

import { byId, el, icon, show } from "./dom.js";
import { goTo } from "./nav.js";
import { t } from "./words.js";

const KEPT = "wangge-keys";
const TYPED = "input:not([type=radio], [type=checkbox], [type=range]), select, textarea, [contenteditable]";
const QUESTIONS = ["gap", "double_none", "hotspots"];

let on = kept();

function kept() {
  try {
    return localStorage.getItem(KEPT) !== "off";
  } catch {
    return true;
  }
}

/** Whether single characters do something; unless somebody turned them off they do. */
export function singleKeys() {
  return on;
}

function turn(value) {
  on = value;
  try {
    localStorage.setItem(KEPT, on ? "on" : "off");
  } catch {
    // Without storage the choice holds as long as the page.
  }
}

/**
 * Bring the keys to life.
 * @param {object} actions
 * @param {() => void} [actions.swap] puts the left question to the right, where there are two
 * @param {() => void} actions.print
 * @returns {() => void} opens the list of keys
 */
export function startKeys({ swap, print }) {
  const comparing = Boolean(swap);
  const open = () => openKeys(comparing);
  const act = {
    ...Object.fromEntries(QUESTIONS.map((id, i) => [String(i + 1), () => choose(id)])),
    l: () => byId(comparing ? "crossing" : "list").focus(),
    m: () => byId("map").focus(),
    c: () => goTo(comparing ? "nav_desk" : "nav_compare"),
    p: print,
    ...(comparing && { x: swap }),
  };
  document.addEventListener("keydown", (event) => {
    const { key, target, ctrlKey, metaKey, altKey, defaultPrevented } = event;
    if (defaultPrevented || ctrlKey || metaKey || altKey || document.querySelector("dialog[open]")) return;
    if (target.closest?.(TYPED)) return;
    if (key === "?") {
      event.preventDefault();
      open();
    } else if (on && act[key.toLowerCase()]) {
      event.preventDefault();
      act[key.toLowerCase()]();
    }
  });
  return open;
}

/** Choose a question as a click on it does, and put the focus there. */
function choose(id) {
  const radio = document.querySelector(`input[name=question][value=${id}]`);
  radio.click();
  radio.focus();
}

function openKeys(comparing) {
  const dialog = byId("keys");
  const line = ([keys, words]) => [
    el(
      "dt",
      {},
      keys.map((key, i) => [i > 0 && ` ${t("key_or")} `, el("kbd", { text: key })]),
    ),
    el("dd", { text: t(words) }),
  ];
  const general = [
    [["Tab", "Shift Tab"], "keys_move"],
    [["Enter", t("key_space")], "keys_open"],
    [["Esc"], "keys_close"],
    [["↑", "↓", "←", "→"], "keys_rows"],
    [["Home", "End"], "keys_ends"],
    [["↑", "↓", "←", "→"], "keys_pan"],
    [["+", "−"], "keys_zoom"],
    ...(comparing ? [[["←", "→"], "keys_handle"]] : []),
    [["?"], "keys_help"],
  ];
  const letters = [
    [["/"], "keys_search"],
    [["1", "2", "3"], "keys_question"],
    [["L"], comparing ? "keys_table" : "keys_list"],
    [["M"], "keys_map"],
    [["C"], comparing ? "keys_desk" : "keys_compare"],
    ...(comparing ? [[["X"], "keys_swap"]] : []),
    [["P"], "keys_print"],
  ];
  show(
    dialog,
    el(
      "div",
      { class: "definition-head" },
      el("h2", { id: "keys-title", text: t("keys") }),
      el(
        "button",
        {
          type: "button",
          class: "icon-button small",
          "aria-label": t("close"),
          on: { click: () => dialog.close() },
        },
        icon("close"),
      ),
    ),
    el("dl", {}, general.map(line)),
    el(
      "label",
      { class: "keys-switch" },
      el("input", { type: "checkbox", checked: on, on: { change: ({ target }) => turn(target.checked) } }),
      t("keys_single"),
    ),
    el("dl", {}, letters.map(line)),
  );
  dialog.showModal();
}
