/** The limit of the walk: a slider and a number, with the standard's limit marked and a way back to it. */

import { el, setAttribute } from "./dom.js";
import { ask } from "./state.js";
import { count, page, t } from "./words.js";

const STEP_M = 50;
/** So long after the last movement the finger counts as lifted. */
const STILL_MS = 300;

/**
 * Make the control once: an element that is put in anew while it is dragged would lose the finger.
 * @param {object} store
 * @returns {HTMLElement}
 */
export function limitControl(store) {
  const range = el("input", { type: "range", "aria-label": t("limit_label"), step: STEP_M });
  const number = el("input", {
    type: "number",
    inputmode: "numeric",
    "aria-label": t("limit_number"),
    step: 1,
  });
  const tick = el("span", { class: "limit-tick", "aria-hidden": "true" });
  const back = el("button", { type: "button", class: "text-button limit-back" });
  const set = (metres) => {
    const { standard } = kindOf(store);
    ask(store, { limit_m: metres === standard ? "" : String(metres) });
  };
  let resting;
  range.addEventListener("input", () => {
    clearTimeout(resting);
    store.set({ sliding: true });
    set(range.valueAsNumber);
  });
  const rest = () => {
    clearTimeout(resting);
    resting = setTimeout(() => store.set({ sliding: false }), STILL_MS);
  };
  // A thumb that was led back to where it stood ends without a change.
  for (const end of ["change", "pointerup", "pointercancel", "keyup", "blur"]) range.addEventListener(end, rest);
  number.addEventListener("change", () => {
    const { least, most } = kindOf(store);
    number.setCustomValidity(number.validity.valid && number.value ? "" : t("limit_range", { least, most }));
    if (number.reportValidity()) set(number.valueAsNumber);
  });
  number.addEventListener("input", () => number.setCustomValidity(""));
  back.addEventListener("click", () => {
    set(kindOf(store).standard);
    range.focus();
  });
  const follow = () => {
    const { query } = store.get();
    const { standard, least, most } = kindOf(store);
    const metres = Number(query.limit_m) || standard;
    for (const input of [range, number]) {
      setAttribute(input, "min", least);
      setAttribute(input, "max", most);
      if (input.valueAsNumber !== metres) input.value = metres;
    }
    number.setCustomValidity("");
    const told = t("limit_value", { metres: count(metres), standard: count(standard) });
    setAttribute(range, "aria-valuetext", told);
    const share = (value) => (value - least) / (most - least);
    box.style.setProperty("--at", share(metres));
    box.style.setProperty("--standard", share(standard));
    tick.textContent = t("limit_tick", { m: count(standard) });
    back.textContent = t("limit_back", { m: count(standard) });
    back.classList.toggle("idle", metres === standard);
    back.disabled = metres === standard;
  };
  const box = el(
    "div",
    { class: "control limit", role: "group", "aria-labelledby": "limit-label" },
    el(
      "div",
      { class: "limit-head" },
      el("span", { class: "control-label", id: "limit-label", text: t("limit_label") }),
      back,
    ),
    el(
      "div",
      { class: "limit-fields" },
      el("div", { class: "limit-slide" }, range, tick),
      el("span", { class: "limit-number" }, number, el("span", { text: "m", "aria-hidden": "true" })),
    ),
  );
  store.on(["query"], follow);
  follow();
  return box;
}

/** What the standard says of the kind that is asked about, and between which limits one may choose. */
function kindOf(store) {
  const { kind } = store.get().query;
  const known = page.district.facility_kinds.find(({ id }) => id === kind);
  const [least, most] = known.limit_range_m;
  return { standard: known.limit_m, least, most };
}
