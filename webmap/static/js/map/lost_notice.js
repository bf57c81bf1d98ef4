/** What somebody who looks at a map is told of tiles that did not come, and what helps. */

import { el, icon, show } from "../dom.js";
import { say } from "../floating.js";
import { t } from "../words.js";
import { LOST, TOO_MANY } from "./lost_tiles.js";

/** Refusals that asking again does not change. */
const REFUSED = new Set([401, 403]);

function remedyOf(statuses) {
  if (statuses.some((status) => REFUSED.has(status))) return "tiles_refused";
  return statuses.includes(TOO_MANY) ? "tiles_too_many" : "tiles_no_answer";
}

/**
 * Say what a map lacks and what helps, for as long as it lacks it.
 * @param {HTMLElement} node the map
 * @param {() => void} again ask for what was not given
 */
export function tellLost(node, again) {
  const notice = el("div", { class: "map-lost", role: "group", "aria-label": t("tiles_lost"), hidden: true });
  node.after(notice);
  let told = "";
  node.addEventListener(LOST, ({ detail: statuses }) => {
    const remedy = statuses.length ? remedyOf(statuses) : "";
    if (remedy === told) return;
    told = remedy;
    notice.hidden = !remedy;
    if (!remedy) return;
    const close = () => {
      notice.hidden = true;
      node.focus();
    };
    show(
      notice,
      el("p", {}, el("strong", { text: t("tiles_lost") }), " ", t(remedy)),
      remedy !== "tiles_refused" &&
        el("button", { type: "button", class: "button", on: { click: again } }, icon("retry"), t("retry")),
      el("button", { type: "button", class: "icon-button small", "aria-label": t("close"), on: { click: close } }, icon("close")),
    );
    say(`${t("tiles_lost")} ${t(remedy)}`);
  });
}
