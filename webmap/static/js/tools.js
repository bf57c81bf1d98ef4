/** The tools of the head: copy link, print, keys, appearance, language. */

import { byId, el, iconButton, show } from "./dom.js";
import { copyAddress, menu } from "./floating.js";
import { signInAddress, writeAddress } from "./url.js";
import { sight, t } from "./words.js";

const PAPERS = ["a4", "a3"];
const THEMES = ["auto", "light", "dark", "sun"];
const DARK = matchMedia("(prefers-color-scheme: dark)");

/**
 * Bring the tools to life.
 * @param {object} store
 * @param {{print: (paper: string) => void, keys: () => void}} actions
 * @param {(state: object) => string} [write] the page's own address for a state
 */
export function startTools(store, { print, keys }, write = writeAddress) {
  const languages = el("div", { class: "languages", role: "group", "aria-label": t("language") });
  const signIn = el("a", { class: "sign-in", href: "/sign-in", text: t("sign_in"), hidden: sight.signed_in });
  show(
    byId("tools"),
    iconButton("link", t("copy_link"), () => copyAddress(location.href)),
    menu({ icon: "print", label: t("print") }, (panel) => PAPERS.map((paper) => paperChoice(paper, panel, print))),
    iconButton("keyboard", t("keys"), keys, "icon-button keys-button"),
    menu({ icon: "theme", label: t("theme") }, () => THEMES.map((theme) => themeChoice(store, theme))),
    languages,
    signIn,
  );
  const follow = () => {
    const state = store.get();
    signIn.href = signInAddress();
    const link = (language, text) =>
      el("a", {
        href: `${location.pathname}${write({ ...state, language })}`,
        lang: language === "zh" ? "zh-Hans" : "en",
        "aria-current": state.language === language ? "true" : null,
        text,
      });
    show(languages, link("zh", "中"), link("en", "EN"));
  };
  store.on(["query", "select", "place", "theme"], follow);
  store.on(["theme"], () => wear(store.get().theme));
  DARK.addEventListener("change", () => wear(store.get().theme));
  follow();
}

function themeChoice(store, theme) {
  const chosen = store.get().theme === theme;
  return el(
    "label",
    { class: "menu-item" },
    el("input", {
      type: "radio",
      name: "theme",
      value: theme,
      checked: chosen,
      on: { change: () => store.set({ theme }) },
    }),
    t(`theme_${theme}`),
  );
}

function paperChoice(paper, panel, print) {
  const click = () => {
    panel.hidePopover();
    print(paper);
  };
  return el("button", { type: "button", class: "menu-item", text: t(`paper_${paper}`), on: { click } });
}

/** Show the page in a theme. */
export function wear(theme) {
  const seen = theme === "auto" ? (DARK.matches ? "dark" : "light") : theme;
  document.documentElement.dataset.theme = seen;
  document.dispatchEvent(new CustomEvent("themechange"));
}
