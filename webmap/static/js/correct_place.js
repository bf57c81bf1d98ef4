/** A mark on the map that is dragged to where a place is. */

import * as L from "leaflet";
import { el } from "./dom.js";
import { t } from "./words.js";

const ROOM_PX = 60;

/** Bring the mark into that part of the map over which the record does not stand. */
function clear(map, marker) {
  const box = map.getContainer().getBoundingClientRect();
  const record = document.querySelector(".record").getBoundingClientRect();
  const right = Math.min(box.right, record.width ? record.left : box.right);
  const { x, y } = map.latLngToContainerPoint(marker.getLatLng());
  const inside =
    x > ROOM_PX && box.left + x < right - ROOM_PX && y > ROOM_PX && y < box.height - ROOM_PX;
  if (!inside && right > box.left) map.panBy([x - (right - box.left) / 2, y - box.height / 2]);
}

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
      clear(map, marker);
    },
    move(lon, lat) {
      if (marker && Number.isFinite(lon) && Number.isFinite(lat)) marker.setLatLng([lat, lon]);
    },
  };
}
