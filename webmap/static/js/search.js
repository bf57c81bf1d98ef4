/** Search by name: a combobox; "/" brings the cursor there, arrows choose. */

import { get } from "./api.js";
import { byId, el, icon, setAttribute, show } from "./dom.js";
import { say } from "./floating.js";
import { singleKeys } from "./keys.js";
import { t } from "./words.js";

const WAIT_MS = 180;
const LIMIT = 10;

/**
 * Bring the search field to life.
 * @param {(found: object) => void} go called with the result that was chosen
 */
export function startSearch(go) {
  const results = el("ul", {
    id: "search-results",
    class: "search-results",
    role: "listbox",
    "aria-label": t("search_label"),
    hidden: true,
  });
  const input = el("input", {
    id: "search-text",
    type: "text",
    role: "combobox",
    placeholder: t("search"),
    "aria-label": t("search_label"),
    "aria-autocomplete": "list",
    "aria-controls": "search-results",
    "aria-expanded": "false",
    autocomplete: "off",
    spellcheck: "false",
    maxlength: 60,
  });
  show(byId("search"), icon("search"), input, el("kbd", { "aria-hidden": "true", text: "/" }), results);
  let found = [];
  let at = -1;
  let timer;
  let asking;

  const close = () => {
    results.hidden = true;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
    at = -1;
  };
  const point = (next) => {
    at = (next + found.length) % found.length;
    [...results.children].forEach((node, i) => setAttribute(node, "aria-selected", String(i === at)));
    input.setAttribute("aria-activedescendant", `found-${at}`);
    results.children[at].scrollIntoView({ block: "nearest" });
  };
  const choose = (result) => {
    input.value = result.name;
    close();
    go(result);
  };
  const open = (...content) => {
    show(results, ...content);
    results.hidden = false;
    input.setAttribute("aria-expanded", "true");
  };
  const look = async () => {
    const text = input.value.trim();
    asking?.abort();
    if (!text) {
      close();
      return;
    }
    asking = new AbortController();
    try {
      const answer = await get("/api/search", { q: text, limit: LIMIT }, asking.signal);
      found = Array.isArray(answer) ? answer : answer.results;
      at = -1;
      if (found.length) {
        open(
          found.map((result, i) =>
            el(
              "li",
              {
                id: `found-${i}`,
                role: "option",
                "aria-selected": "false",
                on: { mousedown: (event) => event.preventDefault(), click: () => choose(result) },
              },
              el("span", { class: "found-name", text: result.name }),
              el("span", { class: "found-detail", text: result.detail }),
            ),
          ),
        );
        say(t("search_some", { n: found.length }));
      } else {
        open(
          el("li", {
            class: "found-none",
            role: "option",
            "aria-disabled": "true",
            text: t("search_none", { text }),
          }),
        );
        say(t("search_none", { text }));
      }
    } catch (error) {
      if (error.name === "AbortError") return;
      found = [];
      open(
        el("li", {
          class: "found-none",
          role: "option",
          "aria-disabled": "true",
          text: t("search_failed", { why: error.sentence ?? error.message }),
        }),
      );
    }
  };

  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(look, WAIT_MS);
  });
  input.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      if (results.hidden) input.value = "";
      close();
    } else if (!results.hidden && found.length && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      event.preventDefault();
      point(event.key === "ArrowDown" ? at + 1 : at < 0 ? -1 : at - 1);
    } else if (event.key === "Enter" && found.length && !results.hidden) {
      event.preventDefault();
      choose(found[Math.max(at, 0)]);
    }
  });
  input.addEventListener("blur", close);
  input.addEventListener("focus", () => input.value.trim() && look());
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest?.("input:not([type=radio], [type=checkbox]), select, textarea");
    if (event.key === "/" && singleKeys() && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      input.focus();
      input.select();
    }
  });
}
