/** The head's navigation: the desk and the comparison hand each other what is asked. */

import { writeAddress } from "./url.js";

const SHARED = ["nav_desk", "nav_compare"];

/** Keep the links up to what the page shows. */
export function startNav(store) {
  const links = [...document.querySelectorAll(".nav a")];
  const follow = () => {
    const { query, place, theme, language } = store.get();
    const state = writeAddress({ query, place, theme, language, select: null });
    const bare = new URLSearchParams();
    if (language !== "zh") bare.set("lang", language);
    for (const link of links) {
      const search = SHARED.includes(link.dataset.nav) ? state : bare.size ? `?${bare}` : "";
      link.href = `${new URL(link.href).pathname}${search}`;
    }
  };
  store.on(["query", "place", "theme"], follow);
  follow();
}

/** Follow a link of the navigation by its name; nothing where whoever asks has no such link. */
export function goTo(name) {
  document.querySelector(`.nav a[data-nav="${name}"]`)?.click();
}
