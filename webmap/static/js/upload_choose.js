/** Choosing a file and sending it; and the list of those that wait. */

import { el, icon } from "./dom.js";
import { language, page, t } from "./words.js";

const ENDINGS =
  ".csv,.tsv,.txt,.gz,.xlsx,.xlsm,.gpkg,.geojson,.json,.zip,.fgb,.parquet,.geoparquet";
const DATUMS = { wgs84: "WGS 84", cgcs2000: "CGCS2000", gcj02: "GCJ-02", bd09: "BD-09" };

/** A size in words. */
export function sized(bytes) {
  return bytes < 2 ** 20 ? `${Math.max(1, Math.round(bytes / 1024))} KiB` : `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}

/** A labelled field. */
export function field(name, label, control, hint = "") {
  control.id = `f-${name}`;
  if (hint) control.setAttribute("aria-describedby", `h-${name}`);
  return el(
    "div",
    { class: "field" },
    el("label", { for: control.id, text: label }),
    hint && el("p", { class: "hint", id: `h-${name}`, text: hint }),
    control,
  );
}

/** A choice among `options`, pairs of value and text. */
export function select(options, chosen, attributes = {}) {
  return el(
    "select",
    attributes,
    options.map(([value, text]) => el("option", { value, text, selected: value === (chosen ?? "") })),
  );
}

/** The choice of a datum. */
export function datumSelect(chosen) {
  return select([["", t("up_datum_file")], ...Object.entries(DATUMS)], chosen);
}

/** What a datum is called. */
export function datumName(id) {
  return DATUMS[id] ?? id;
}

/** The choice of a layer. */
export function layerSelect(chosen) {
  const known = page.layers.map(({ id, title }) => [id, title]);
  return select([["", t("up_pick")], ...known], chosen, { required: true });
}

/** The form that sends a file. */
export function chooseSheet(actions) {
  const file = el("input", { type: "file", accept: ENDINGS, class: "vh" });
  const name = el("strong", { text: t("up_drop") });
  const drop = el("label", { class: "drop", for: "f-file" }, icon("download"), name);
  const layer = layerSelect(new URLSearchParams(location.search).get("layer"));
  const datum = datumSelect();
  const told = el("p", { class: "told wrong", role: "alert", hidden: true });
  const button = el("button", { class: "button main", type: "submit", text: t("up_send") });
  const bar = sendingBar();
  let dropped = null;
  const chosen = () => dropped ?? file.files[0];
  const named = () => {
    const one = chosen();
    name.textContent = one ? `${one.name} · ${sized(one.size)}` : t("up_drop");
  };
  const refuse = (text, control) => {
    told.textContent = text;
    told.hidden = !text;
    if (text) control?.focus();
  };
  file.addEventListener("change", () => {
    dropped = null;
    named();
  });
  for (const kind of ["dragover", "dragleave", "drop"])
    drop.addEventListener(kind, (event) => {
      event.preventDefault();
      drop.classList.toggle("over", kind === "dragover");
      if (kind !== "drop" || !event.dataTransfer.files.length) return;
      [dropped] = event.dataTransfer.files;
      named();
    });
  const submit = async (event) => {
    event.preventDefault();
    const one = chosen();
    if (!one) return refuse(t("up_need_file"), file);
    if (!layer.value) return refuse(t("up_need_layer"), layer);
    const { most_mib: n } = page;
    if (one.size > n * 2 ** 20)
      return refuse(t("up_too_large", { name: one.name, size: sized(one.size), n }), file);
    refuse("");
    button.disabled = true;
    try {
      const upload = await bar.send(one, layer.value);
      await actions.sent(upload, { layer: layer.value, datum: datum.value || null });
      form.reset();
      dropped = null;
      named();
    } catch (error) {
      refuse(error.message, button);
    } finally {
      button.disabled = false;
    }
  };
  const form = el(
    "form",
    { class: "sheet", novalidate: true, on: { submit }, "aria-labelledby": "choose-title" },
    el("h2", { id: "choose-title", text: t("up_choose") }),
    told,
    el(
      "div",
      { class: "field" },
      el("p", { class: "hint", id: "h-file", text: t("up_file_hint", { n: page.most_mib }) }),
      file,
      drop,
    ),
    el(
      "div",
      { class: "columns-2 tight" },
      field("layer", t("up_layer"), layer),
      field("datum", t("up_datum"), datum, t("up_datum_hint")),
    ),
    button,
    bar.node,
  );
  file.id = "f-file";
  file.setAttribute("aria-label", t("up_file"));
  file.setAttribute("aria-describedby", "h-file");
  return form;
}

/** Sends a file, and shows how far it is. */
function sendingBar() {
  const text = el("span", {});
  const meter = el("progress", { max: 1, value: 0 });
  const stop = el("button", { class: "button", type: "button", text: t("up_stop") });
  const node = el("div", { class: "sending", hidden: true }, meter, text, stop);
  const run = (file, layer) =>
    new Promise((resolve, reject) => {
      // fetch does not tell how much of a body has been sent.
      const request = new XMLHttpRequest();
      const query = new URLSearchParams({ name: file.name, layer });
      if (language !== "zh") query.set("lang", language);
      request.open("POST", `/api/uploads?${query}`);
      request.setRequestHeader("X-CSRF-Token", page.csrf);
      request.setRequestHeader("Content-Type", "application/octet-stream");
      request.responseType = "json";
      request.upload.addEventListener("progress", ({ loaded, total }) => {
        meter.value = loaded / total;
        text.textContent = t("up_sending", { name: file.name, percent: `${Math.floor((100 * loaded) / total)}%` });
      });
      request.addEventListener("load", () => {
        const { status, response } = request;
        if (status === 200 && response) resolve(response);
        else reject(new Error(reason(response?.error)));
      });
      request.addEventListener("error", () => reject(new Error(t("up_broken"))));
      request.addEventListener("abort", () => reject(new Error(t("up_stopped"))));
      stop.onclick = () => request.abort();
      request.send(file);
    });
  return {
    node,
    async send(file, layer) {
      node.hidden = false;
      text.textContent = t("up_sending", { name: file.name, percent: "0%" });
      try {
        return await run(file, layer);
      } finally {
        node.hidden = true;
      }
    },
  };
}

/** Why a file was not taken, and what to do. */
function reason(error) {
  return [error?.detail, error?.remedy].filter(Boolean).join(" ") || t("up_broken");
}

/** The uploads that wait. */
export function listSheet(uploads, actions) {
  const box = el("section", { class: "waiting" }, el("h2", { text: t("up_mine") }));
  if (!uploads.length) {
    box.append(el("p", { class: "hint", text: t("up_none") }));
    return box;
  }
  const row = ({ id, name, layer, size, status, job, left_s: left }) =>
    el(
      "tr",
      {},
      el("th", { scope: "row" }, name, el("span", { class: "under", text: sized(size) })),
      el("td", { text: page.layers.find((one) => one.id === layer)?.title ?? layer }),
      el(
        "td",
        {},
        el("span", {
          class: `state${{ done: " on", failed: " wrong", interrupted: " wrong" }[status] ?? " wait"}`,
          text: t(status === "working" ? `up_working_${job}` : `up_${status}`),
        }),
        el("span", { class: "under", text: t("up_left", { n: Math.ceil(left / 60) }) }),
      ),
      el(
        "td",
        { class: "do" },
        button(t("up_open"), () => actions.open(id), name),
        " ",
        button(t("up_erase"), () => actions.erase(id, name), name),
      ),
    );
  box.append(el("div", { class: "table-box" }, el("table", {}, el("tbody", {}, uploads.map(row)))));
  return box;
}

function button(text, click, what) {
  return el("button", { class: "button", type: "button", "aria-label": `${text} ${what}`, text, on: { click } });
}

