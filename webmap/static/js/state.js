/** The page's one store: what is asked, what came back, what is chosen. */

/**
 * @typedef {object} Query
 * @property {"gap"|"double_none"|"hotspots"} question
 * @property {string} unit
 * @property {string} kind facility kind
 * @property {string} limit_m limit of the walk, or "" for the standard's
 * @property {string} subdistrict code, or "" for the whole district
 * @property {string} community_kind id, or "" for all
 * @property {string} where combined conditions, as docs/conditions.md writes them
 * @property {string} from first day of the complaints, or "" for the default
 * @property {string} to last day of the complaints, or "" for the default
 */

/**
 * Make a store.
 * @param {object} initial
 * @returns {{get: () => object, set: (patch: object) => void, on: (keys: string[], listener: (state: object) => void) => void}}
 */
export function createStore(initial) {
  let state = initial;
  const listeners = [];
  return {
    get: () => state,
    set(patch) {
      const changed = Object.keys(patch).filter((key) => !Object.is(state[key], patch[key]));
      if (!changed.length) return;
      state = { ...state, ...patch };
      for (const { keys, listener } of listeners) {
        if (keys.some((key) => changed.includes(key))) listener(state);
      }
    },
    on(keys, listener) {
      listeners.push({ keys, listener });
    },
  };
}

/** Change part of what is asked. */
export function ask(store, patch) {
  store.set({ query: { ...store.get().query, ...patch } });
}
