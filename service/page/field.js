// A field for a text: Enter submits, Shift+Enter begins a line, and input methods keep their Enter.

import { h } from "./dom.js";

/**
 * Return {element, write(text), focus()}: a labelled field.
 *
 * @param onType    Called with the text whenever the visitor has changed it.
 * @param onSubmit  Called on Enter.
 */
export function submittingField({ id, label, text, onType, onSubmit }) {
  const area = h("textarea", {
    id,
    rows: 2,
    lang: "zh-Hans",
    spellcheck: "false",
    autocomplete: "off",
  });
  area.value = text;
  area.addEventListener("input", () => onType(area.value));
  area.addEventListener("keydown", (event) => {
    // While an input method composes characters, Enter chooses one of its candidates.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    onSubmit();
  });
  const element = h("div", { class: "field" }, h("label", { for: id }, label), area);
  return { element, write: (value) => (area.value = value), focus: () => area.focus() };
}
