/** What an upload is doing, what came of its import, and what went wrong. */

import { el, icon } from "./dom.js";
import { count, language, page, t } from "./words.js";

/** What a layer is called. */
export function layerTitle(id) {
  return page.layers.find((one) => one.id === id)?.title ?? id;
}

/** The file and where it goes, as a heading. */
export function heading(upload, text, attributes = {}) {
  return el(
    "header",
    { class: "sheet-head" },
    el("h2", { tabindex: "-1", "data-focus": true, text, ...attributes }),
    el("p", { class: "hint", text: t("up_of", { file: upload.name, layer: layerTitle(upload.layer) }) }),
  );
}

/** The work under way. */
export const workSheet = {
  make(upload) {
    this.meter = el("progress", { max: 1 });
    this.text = el("p", { class: "hint" });
    this.update(upload);
    return el(
      "section",
      { class: "sheet", "aria-busy": "true" },
      heading(upload, t(`up_working_${upload.job}`)),
      el("div", { class: "sending" }, this.meter, this.text),
    );
  },
  update({ progress }) {
    if (!progress) {
      this.text.textContent = t("up_waiting");
      return;
    }
    const { what, done, total } = progress;
    this.meter.value = total ? done / total : 0;
    const name = layerTitle(what);
    this.text.textContent = t("up_progress", { what: name, done: count(done), total: count(total) });
  },
};

/** What an import did. */
export function resultSheet(upload, actions) {
  const { version: v, again, report } = upload.result;
  const { inserted = 0, updated = 0, unchanged = 0 } = report ?? {};
  const numbers = { inserted: count(inserted), updated: count(updated), unchanged: count(unchanged) };
  const layer = layerTitle(upload.layer);
  let text = t("up_result_text", { v, layer, ...numbers });
  if (again) text = t("up_result_again", { v });
  else if (v === null) text = t("up_result_none");
  return el(
    "section",
    { class: "sheet done" },
    heading(upload, t("up_result", { file: upload.name })),
    el("p", { class: "told good", role: "status", text }),
    v !== null && el("p", { class: "hint", text: t("up_undo", { layer: upload.layer, before: v - 1 }) }),
    el(
      "p",
      { class: "bar-of-actions" },
      el("a", { class: "button main", href: language === "zh" ? "/" : `/?lang=${language}`, text: t("up_see_map") }),
      el("button", { class: "button", type: "button", text: t("up_next"), on: { click: actions.close } }),
      upload.options.set_aside && report?.rejected > 0 && download(upload, "rejects"),
    ),
  );
}

/** A link to one of the tables of what is wrong. */
export function download({ id }, report) {
  return el("a", { class: "button", href: `/api/uploads/${id}/${report}.csv`, download: true }, icon("download"), t(`up_get_${report}`));
}

/** Something that could not be done, in words. */
export function failureSheet(sentence, actions) {
  return el(
    "section",
    { class: "told wrong", role: "alert", tabindex: "-1" },
    el("p", { text: sentence }),
    el("p", {}, el("button", { class: "button", type: "button", text: t("up_next"), on: { click: actions.close } })),
  );
}
