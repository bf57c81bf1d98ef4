/** Conditions saved under a name: one's own, and those that colleagues share. */

import { get, send } from "./api.js";
import { el, icon, iconButton, show } from "./dom.js";
import { menu, say } from "./floating.js";
import { readAddress, viewParams } from "./url.js";
import { page, t } from "./words.js";

const KIND = "conditions";
const CONFLICT = 409;

/** Open what was saved: all parameters of its view. */
async function open(store, id) {
  try {
    const thing = await get(`/api/saved/${id}`);
    const { query } = readAddress(`?${new URLSearchParams(thing.content)}`);
    store.set({ query, saved: kept(thing) });
    say(t("conditions_opened", { name: thing.name }), { seen: true });
  } catch (error) {
    say(error.sentence, { seen: true });
  }
}

/** What the page remembers of a saved thing. */
function kept({ id, name, version, mine, shared, content }) {
  return { id, name, version, mine, shared, where: content.where };
}

/** The menu of saved conditions. */
export function savedMenu(store) {
  if (!page.may_save) return null;
  return menu({ icon: "folder", label: t("conditions_open"), className: "icon-button small" }, (panel) => {
    const list = el("div", { class: "saved-list" }, el("p", { class: "menu-note", text: t("loading") }));
    fill(store, panel, list);
    return list;
  });
}

async function fill(store, panel, list) {
  let saved;
  try {
    ({ saved } = await get("/api/saved", { kind: KIND }));
  } catch (error) {
    show(list, el("p", { class: "menu-note", role: "alert", text: error.sentence }));
    return;
  }
  show(
    list,
    saved.length === 0 && el("p", { class: "menu-note", text: t("conditions_none_saved") }),
    saved.map((thing) =>
      el(
        "div",
        { class: "saved-row" },
        el(
          "button",
          {
            type: "button",
            class: "menu-item",
            on: {
              click: () => {
                panel.hidePopover();
                open(store, thing.id);
              },
            },
          },
          el("span", { text: thing.name }),
          el("span", { class: "saved-owner", text: ownerOf(thing) }),
        ),
        thing.may.change &&
          iconButton(
            "edit",
            t("conditions_rename", { name: thing.name }),
            ({ currentTarget }) => startRenaming(store, panel, list, thing, currentTarget.closest(".saved-row")),
            "icon-button small",
          ),
        thing.may.remove &&
          iconButton(
            "close",
            t("conditions_remove", { name: thing.name }),
            () => remove(store, panel, list, thing),
            "icon-button small",
          ),
      ),
    ),
  );
  list.querySelector("button")?.focus();
}

function ownerOf({ mine, shared, owner }) {
  if (!mine) return t("conditions_by", { name: owner.title || owner.name });
  return shared ? t("conditions_shared") : "";
}

/** Turn a row into the field of its name: Enter renames, Escape leaves it. */
function startRenaming(store, panel, list, thing, row) {
  const name = el("input", { type: "text", maxlength: 80, value: thing.name, "aria-label": t("conditions_new_name") });
  const told = el("p", { class: "menu-note", role: "alert" });
  const rename = async () => {
    name.setCustomValidity(name.value.trim() ? "" : t("conditions_no_name"));
    if (!name.reportValidity()) return;
    try {
      const made = await send("PUT", `/api/saved/${thing.id}`, { version: thing.version, name: name.value.trim() });
      const { saved } = store.get();
      if (saved?.id === made.id) store.set({ saved: { ...saved, name: made.name, version: made.version } });
      say(t("conditions_renamed", { name: made.name }), { seen: true });
      fill(store, panel, list);
    } catch (error) {
      told.textContent = error.sentence;
    }
  };
  name.addEventListener("input", () => name.setCustomValidity(""));
  name.addEventListener("keydown", (event) => {
    if (event.isComposing || !["Enter", "Escape"].includes(event.key)) return;
    event.preventDefault();
    event.stopPropagation();
    if (event.key === "Enter") rename();
    else fill(store, panel, list);
  });
  // The form around it asks other questions.
  name.addEventListener("change", (event) => event.stopPropagation());
  show(
    row,
    el(
      "div",
      { class: "saved-renaming" },
      el(
        "div",
        { class: "conditions-name" },
        name,
        el("button", { type: "button", class: "button main", text: t("conditions_rename_done"), on: { click: rename } }),
      ),
      told,
    ),
  );
  name.select();
}

async function remove(store, panel, list, thing) {
  try {
    await send("DELETE", `/api/saved/${thing.id}?version=${thing.version}`);
    if (store.get().saved?.id === thing.id) store.set({ saved: null });
    say(t("conditions_removed", { name: thing.name }), { seen: true });
  } catch (error) {
    say(error.sentence, { seen: true });
  }
  fill(store, panel, list);
}

/** The name under which conditions are saved, and what came of it. */
export function saving(store) {
  const name = el("input", {
    type: "text",
    name: "conditions-name",
    maxlength: 80,
    "aria-label": t("conditions_name"),
    placeholder: t("conditions_name"),
  });
  const shared = el("input", { type: "checkbox", name: "conditions-shared" });
  const told = el("div", { class: "conditions-told", role: "alert", hidden: true });
  const node = el(
    "div",
    { class: "conditions-save" },
    el(
      "div",
      { class: "conditions-name" },
      name,
      el("button", { type: "button", class: "button main", on: { click: () => save() } }, icon("save"), t("conditions_save")),
    ),
    el("label", { class: "conditions-share" }, shared, el("span", { text: t("conditions_share") })),
    told,
  );
  if (!page.may_save) return el("div", { class: "conditions-save" });

  const tell = (...content) => {
    show(told, content);
    told.hidden = content.length === 0;
  };
  const write = async (thing, version) => {
    const { query } = store.get();
    const content = Object.fromEntries(viewParams(query));
    const body = { name: name.value.trim(), content, ...((!thing || thing.mine) && { shared: shared.checked }) };
    const made = thing
      ? await send("PUT", `/api/saved/${thing.id}`, { ...body, version })
      : await send("POST", "/api/saved", { ...body, kind: KIND });
    store.set({ saved: kept(made) });
    say(t("conditions_saved", { name: made.name }), { seen: true });
  };
  const save = async (version = null) => {
    name.setCustomValidity(name.value.trim() ? "" : t("conditions_no_name"));
    if (!name.reportValidity()) return;
    tell();
    const { saved } = store.get();
    const thing = saved?.name === name.value.trim() ? saved : null;
    try {
      await write(thing, version ?? thing?.version);
    } catch (error) {
      if (error.status === CONFLICT && error.said?.conflicts?.length) differ(thing, error.said.conflicts[0]);
      else tell(el("p", { text: error.sentence }));
    }
  };
  /** Somebody else has changed it: theirs, ours, or both are kept. */
  const differ = (thing, { who, version }) => {
    const choice = (key, act) => el("button", { type: "button", class: "button", text: t(key), on: { click: act } });
    tell(
      el("p", { text: t("conditions_differ", { who, name: thing.name }) }),
      el(
        "div",
        { class: "drops" },
        choice("conditions_theirs", () => {
          tell();
          open(store, thing.id);
        }),
        choice("conditions_overwrite", () => save(version)),
        choice("conditions_other_name", () => {
          tell();
          name.focus();
          name.select();
        }),
      ),
    );
    told.querySelector("button").focus();
  };
  name.addEventListener("input", () => name.setCustomValidity(""));
  name.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing) return;
    event.preventDefault();
    save();
  });
  // The form around it asks other questions.
  node.addEventListener("change", (event) => event.stopPropagation());
  store.on(["saved"], ({ saved }) => {
    tell();
    if (!saved) return;
    name.value = saved.name;
    shared.checked = saved.shared;
    shared.disabled = !saved.mine;
  });
  return node;
}
