/** Where am I: asked for by a button, shown with its accuracy, neither stored nor sent. */

import { w } from "./words.js";

const FRESH_MS = 10_000;
const PATIENCE_MS = 30_000;
const REASONS = { 1: "place_refused", 2: "place_unknown", 3: "place_unknown" };

/**
 * Start the watch, that is off until somebody turns it on.
 * @param {object} store it gets `me` ({lon, lat, accuracy} or null) and `meSaid`
 */
export function startPlace(store) {
  let watch = null;

  function stop(said = "") {
    if (watch !== null) navigator.geolocation.clearWatch(watch);
    watch = null;
    store.set({ me: null, watching: false, meSaid: said });
  }

  function start() {
    if (!globalThis.isSecureContext || !navigator.geolocation) {
      stop(w("place_insecure"));
      return;
    }
    store.set({ watching: true, meSaid: w("place_looking") });
    watch = navigator.geolocation.watchPosition(
      ({ coords: { longitude: lon, latitude: lat, accuracy } }) => {
        const me = { lon, lat, accuracy: Math.max(1, Math.round(accuracy)) };
        store.set({ me, meSaid: w("place_accuracy", { metres: me.accuracy }) });
      },
      ({ code }) => stop(w(REASONS[code])),
      { enableHighAccuracy: true, maximumAge: FRESH_MS, timeout: PATIENCE_MS },
    );
  }

  return { toggle: () => (watch === null ? start() : stop()) };
}
