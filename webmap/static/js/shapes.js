/** Marks: the same path draws a mark in the legend, in lists and on the map. All stand in a box of 20. */

import { svg } from "./dom.js";
import { t } from "./words.js";

/** Facilities differ by shape, never by colour alone. `solid` marks are filled, the others open. */
export const MARKS = {
  community_service_station: { path: "M5 5h10v10H5z" },
  day_care: { path: "M10 5a5 5 0 1 1 0 10a5 5 0 1 1 0-10z" },
  health_station: { path: "M8 4h4v4h4v4h-4v4H8v-4H4V8h4z" },
  health_centre: { path: "M8 4h4v4h4v4h-4v4H8v-4H4V8h4z", solid: true },
  cultural_station: { path: "M10 4.5l6 11H4z" },
  cultural_centre: { path: "M10 4.5l6 11H4z", solid: true },
  library: { path: "M4.5 5h5.5v10H4.5zM10 5h5.5v10H10z" },
  party_mass_service_centre: {
    path: "M10 3.5l2 4.3 4.7.5-3.5 3.2 1 4.6L10 13.7l-4.2 2.4 1-4.6-3.5-3.2 4.7-.5z",
    solid: true,
  },
  rehabilitation_centre: { path: "M10 4l5.2 3v6L10 16l-5.2-3V7z" },
  mediation_rooms: { path: "M10 4l6 6-6 6-6-6z", solid: true },
};

const SEATS = ["residents_group", "owners_committee", "property_management", "party_branch"];
const SEAT_WORDS = { 1: "seat_yes", 0: "seat_no", "?": "seat_unknown" };
const SEAT_CLASSES = { 1: "yes", 0: "no", "?": "unknown" };

/** A facility's mark for a legend or a label. */
export function mark(kind) {
  const { path, solid } = MARKS[kind] ?? MARKS.community_service_station;
  return svg(
    "svg",
    { class: solid ? "mark solid" : "mark", viewBox: "0 0 20 20", "aria-hidden": "true" },
    svg("path", { d: path }),
  );
}

/** One cell: filled is yes, open is no, hatched is unknown. */
export function cell(state) {
  return svg(
    "svg",
    { class: `cell ${state}`, viewBox: "0 0 16 16", "aria-hidden": "true" },
    svg("rect", { x: 1.5, y: 1.5, width: 13, height: 13 }),
    state === "unknown" && svg("path", { d: "M2 9.5L9.5 2M2 14l12-12M6.5 14L14 6.5" }),
  );
}

/** The four seats as a 2×2 glyph: residents' group, owners' committee / property company, Party branch. */
export function seatsGlyph(seats) {
  const node = svg("svg", { class: "seats", viewBox: "0 0 25 25", "aria-hidden": "true" });
  [...seats].forEach((seat, i) => {
    const x = (i % 2) * 13;
    const y = Math.floor(i / 2) * 13;
    node.append(
      svg("rect", { class: SEAT_CLASSES[seat], x: x + 0.75, y: y + 0.75, width: 10.5, height: 10.5 }),
    );
    if (seat === "?")
      node.append(
        svg("path", {
          class: "unknown",
          d: `M${x + 1.5} ${y + 6.5}l5-5M${x + 1.5} ${y + 10.5}l9-9M${x + 5.5} ${y + 10.5}l5-5`,
        }),
      );
  });
  return node;
}

/** The four seats in words. */
export function seatsText(seats) {
  const parts = [...seats].map((seat, i) => `${t(`seat_${SEATS[i]}`)} ${t(SEAT_WORDS[seat])}`);
  return t("seats_title", { seats: parts.join(", ") });
}

/** Twelve months as a line; the last one is marked. */
export function sparkline(months) {
  const width = 64;
  const height = 22;
  const top = Math.max(...months, 1);
  const x = (i) => 2 + (i * (width - 5)) / (months.length - 1);
  const y = (value) => height - 4 - (value / top) * (height - 8);
  const line = months.map((value, i) => `${i ? "L" : "M"}${x(i).toFixed(1)} ${y(value).toFixed(1)}`).join("");
  const last = months.length - 1;
  return svg(
    "svg",
    { class: "spark", viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", "aria-hidden": "true" },
    svg("path", { class: "spark-base", d: `M2 ${height - 3.5}H${width - 3}` }),
    svg("path", { class: "spark-line", d: line }),
    svg("rect", { x: x(last) - 1.75, y: y(months[last]) - 1.75, width: 3.5, height: 3.5 }),
  );
}

/** The custom property that holds a token's colour. */
export function tokenVariable(token) {
  return `--${token.replace("+", "-plus-")}`;
}

/** A small field in a class's colour, `open` where units of it are outlined: something is known of them. */
export function swatch(token, open = false) {
  const node = svg("svg", { class: "swatch", viewBox: "0 0 22 14", "aria-hidden": "true" });
  if (token === "hatch") {
    node.append(
      svg("rect", { class: "swatch-hatch", x: 0.5, y: 0.5, width: 21, height: 13 }),
      svg("path", { class: "swatch-lines", d: "M1 7l6-6M1 13L13 1M7 13L19 1M13 13l8-8M19 13l2-2" }),
    );
    if (open) node.append(svg("rect", { class: "swatch-open", x: 1, y: 1, width: 20, height: 12 }));
  } else {
    node.append(
      svg("rect", {
        class: "swatch-fill",
        x: 0.5,
        y: 0.5,
        width: 21,
        height: 13,
        vars: { "--fill": `var(${tokenVariable(token)})` },
      }),
    );
  }
  return node;
}
