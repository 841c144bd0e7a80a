// A row of buttons, one for each example.

import { h } from "./dom.js";

/** @param onChoose  Called with the index of the text that was chosen. */
export function chips(label, texts, onChoose) {
  const buttons = texts.map((text, index) =>
    h("button", { type: "button", lang: "zh-Hans", on: { click: () => onChoose(index) } }, text),
  );
  return h("div", { class: "row chips", role: "group", "aria-label": label }, buttons);
}
