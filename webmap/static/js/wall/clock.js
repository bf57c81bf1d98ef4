/** How fresh the wall is: the clock in the head, and the banner when nothing fresh has come for a minute. */

import { byId, el, show, svg } from "../dom.js";
import { t } from "../words.js";

const STALE_MS = 60_000;
const MINUTE_MS = 60_000;

/**
 * Start the clock.
 * @param {(state: "loading"|"fresh"|"waiting"|"stale") => void} changed told when the state is another
 */
export function startClock(changed) {
  const wall = byId("wall");
  const began = performance.now();
  let last = null;
  let attempts = 0;
  let behind = false;
  let state = "";

  const draw = () => {
    const since = performance.now() - (last?.at ?? began);
    const now = since > STALE_MS ? "stale" : attempts ? "waiting" : last ? "fresh" : "loading";
    if (now !== state) {
      state = now;
      wall.dataset.state = now;
      byId("stale").hidden = now !== "stale";
      byId("clock-label").textContent = t(now === "stale" ? "wall_stands" : "wall_checked");
      changed(now);
    }
    if (now === "stale") banner(since);
  };
  const banner = (since) => {
    const told = last ? t("wall_stale", { span: span(since) }) : t("wall_never");
    const more = !last
      ? t("wall_retrying_first", { n: attempts })
      : behind
        ? t("wall_behind", { n: attempts })
        : t("wall_retrying", { time: clock(last.moment), n: attempts });
    const text = `${told} ${more}`;
    // The same words again would be read aloud again.
    if (byId("stale").dataset.text === text) return;
    byId("stale").dataset.text = text;
    show(byId("stale"), el("strong", {}, sign(), told), el("span", { text: more }));
  };
  setInterval(draw, 1000);
  return {
    fresh({ moment, ageMs }) {
      behind = ageMs > STALE_MS;
      last = { moment, at: performance.now() - ageMs };
      attempts = behind ? attempts + 1 : 0;
      byId("time").textContent = clock(moment);
      byId("day").textContent = day(moment);
      draw();
    },
    failed() {
      behind = false;
      attempts += 1;
      draw();
    },
  };
}

function sign() {
  const shape = svg("path", { d: "M10 2.5L18.5 17.5H1.5zM10 8v4.5M10 14v1.5" });
  return svg("svg", { class: "wall-sign", viewBox: "0 0 20 20", "aria-hidden": "true" }, shape);
}

function clock(moment) {
  return `${String(moment.getHours()).padStart(2, "0")}:${String(moment.getMinutes()).padStart(2, "0")}`;
}

function day(moment) {
  return t("wall_day", {
    month: t("wall_months").split(",")[moment.getMonth()],
    day: moment.getDate(),
    weekday: t("wall_weekdays").split(",")[moment.getDay()],
  });
}

function span(ms) {
  const minutes = Math.floor(ms / MINUTE_MS);
  const hours = Math.floor(minutes / 60);
  if (hours >= 24) return t("wall_days", { d: Math.floor(hours / 24), h: hours % 24 });
  return hours ? t("wall_hours", { h: hours, m: minutes % 60 }) : t("wall_minutes", { m: minutes });
}
