/** The strip over the map: the figures of the current filter. */

import { byId, el, show } from "./dom.js";
import { figureButton } from "./floating.js";
import { t } from "./words.js";

/** Bring the strip to life. */
export function startStrip(store) {
  const node = byId("strip");
  const draw = () => {
    const { view } = store.get();
    if (!view) return;
    const { needs } = view.headlines[view.query.question];
    const [where] = view.strip;
    if (needs.length) show(node, figure(where), el("p", { class: "strip-figure", text: t("strip_none") }));
    else
      show(
        node,
        view.strip.map((item) => figure(item, view.as_of)),
      );
  };
  store.on(["view"], draw);
  draw();
}

function figure({ title, value_text: value, tone, definition }, date) {
  if (!value) return el("p", { class: "strip-where", text: title });
  const content = [title, " ", el("strong", { text: value })];
  if (!definition) return el("p", { class: "strip-figure" }, content);
  return figureButton(`strip-figure ${tone ?? ""}`, { definition, title, value, date }, ...content);
}
