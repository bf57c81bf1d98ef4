/** The tools on the map: zoom, the whole district, and which layers are shown. */

import { byId, el, iconButton, show } from "../dom.js";
import { menu } from "../floating.js";
import { afterPaint } from "../later.js";
import { sight, t } from "../words.js";

/** Whether two maps are compared, and only some of their units are meant: those of a cell, or that meet conditions. */
export function unitsMarked({ right, cell, query }) {
  return Boolean(right && (cell || query.where));
}

const NAMES = [
  ...["cells", "communities", "buildings", "facilities", "mediation_rooms", "boundaries"],
  ...["complaints", "backdrop"],
];
/** Leaflet's zoom from which a layer is drawn. */
const FROM_ZOOM = { buildings: 14.25, complaints: 14 };

/**
 * Put the tools on the map.
 * @param {object} map Leaflet's map
 * @param {object} store
 * @param {object} description the map as the server describes it
 * @param {{whole: () => void, toggle: (name: string, visible: boolean) => void}} actions
 * @returns {{apply: (engine: object) => void}}
 */
export function startMapTools(map, store, description, { whole, toggle }) {
  // Boundaries and cells are always described; of the layers, those that whoever asks may see.
  const described = new Set(description.layers.map(({ id }) => id));
  const names = NAMES.filter((name) => ["cells", "boundaries"].includes(name) || described.has(name));
  const shown = Object.fromEntries(description.layers.map((layer) => [layer.id, layer.show]));
  const chosen = {};
  // Facilities belong to the question about services; the others do not need them unless asked for. Where some units are
  // marked on two small maps they would lie over these.
  // Mediation rooms are shown while it is supposed that some are opened, moved or closed.
  const usual = (name) =>
    name === "facilities"
      ? store.get().query.question === "gap" && !unitsMarked(store.get())
      : (name === "mediation_rooms" && Boolean(store.get().adding)) || (shown[name] ?? true);
  const visible = (name) => chosen[name] ?? usual(name);
  const change = (name, on) => {
    chosen[name] = on;
    afterPaint(() => toggle(name, on));
  };
  const [zoomIn, zoomOut] = [
    iconButton("plus", t("zoom_in"), () => map.zoomIn(1), ""),
    iconButton("minus", t("zoom_out"), () => map.zoomOut(1), ""),
  ];
  const item = (name) =>
    el(
      "label",
      { class: "menu-item" },
      el("input", {
        type: "checkbox",
        checked: visible(name),
        on: { change: ({ target }) => change(name, target.checked) },
      }),
      t(`layer_${name}`),
      FROM_ZOOM[name] > map.getZoom() && el("span", { class: "menu-hint", text: t("layer_zoom") }),
    );
  const layers = menu({ icon: "layers", label: t("layers"), className: "" }, () => names.map(item));
  show(
    byId("map-tools"),
    zoomIn,
    zoomOut,
    iconButton("whole", t(sight.bbox ? "zoom_area" : "zoom_all"), () => whole(), ""),
    layers,
  );
  const limits = () => {
    zoomIn.disabled = map.getZoom() >= map.getMaxZoom();
    zoomOut.disabled = map.getZoom() <= map.getMinZoom();
  };
  map.on("zoomend", limits);
  limits();
  return { apply: () => names.forEach((name) => toggle(name, visible(name))) };
}
