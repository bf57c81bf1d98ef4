/** A mark on the map that is dragged to where a place is. */

import * as L from "leaflet";
import { el } from "./dom.js";
import { t } from "./words.js";

/** @returns {{show: Function, move: Function, hide: () => void}} */
export function startPlace(map) {
  let marker = null;
  const hide = () => {
    marker?.remove();
    marker = null;
  };
  return {
    hide,
    /** Show the mark; `moved` is told where it was dragged to. */
    show({ lon, lat }, name, moved) {
      hide();
      marker = L.marker([lat, lon], {
        draggable: true,
        autoPan: true,
        keyboard: false,
        title: `${name} · ${t("record_marker")}`,
        icon: L.divIcon({ className: "place-mark", html: el("span"), iconSize: [30, 30], iconAnchor: [15, 15] }),
      });
      marker.on("dragend", () => {
        const { lat: y, lng: x } = marker.getLatLng();
        moved(x, y);
      });
      marker.addTo(map);
      if (!map.getBounds().contains([lat, lon])) map.panTo([lat, lon]);
    },
    move(lon, lat) {
      if (marker && Number.isFinite(lon) && Number.isFinite(lat)) marker.setLatLng([lat, lon]);
    },
  };
}
