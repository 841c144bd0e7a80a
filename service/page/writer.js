// Sentences and a word in them, shown as a list or in fields to edit.

import { h } from "./dom.js";

/**
 * Return {element, open(isOpen), refresh()}.
 *
 * @param state     {typed, word}: updated at every key, so that nothing is ever lost.
 * @param list      The element that shows the sentences while they are not being edited.
 * @param action    The name of the button.
 * @param onSubmit  Called when the visitor submits the form.
 */
export function writer({ t, state, list, action, onSubmit }) {
  const text = h("textarea", { id: "typed", rows: 10, spellcheck: "false", lang: "zh-Hans" });
  const word = h("input", {
    id: "word",
    autocomplete: "off",
    spellcheck: "false",
    lang: "zh-Hans",
  });
  const toggle = h("button", {
    type: "button",
    class: "quiet",
    "aria-controls": "typed",
    on: { click: () => open(!state.isOpen, true) },
  });
  const element = h(
    "form",
    { class: "writer", on: { submit } },
    h("div", { class: "heading" }, h("h2", {}, t("writer.sentences")), toggle),
    h("div", { class: "shown" }, list),
    h("div", { class: "writing" }, h("label", { for: "typed" }, t("writer.hint")), text),
    h(
      "div",
      { class: "row" },
      h("label", { for: "word" }, t("writer.word")),
      word,
      h("button", { class: "primary" }, action),
    ),
  );
  text.addEventListener("input", () => (state.typed = text.value));
  text.addEventListener(
    "keydown",
    (event) => event.key === "Enter" && (event.ctrlKey || event.metaKey) && submit(event),
  );
  word.addEventListener("input", () => (state.word = word.value));

  function submit(event) {
    event.preventDefault();
    onSubmit();
  }

  function open(isOpen, byHand = false) {
    state.isOpen = isOpen;
    element.classList.toggle("open", isOpen);
    toggle.setAttribute("aria-expanded", String(isOpen));
    toggle.textContent = t(isOpen ? "writer.close" : "writer.open");
    if (isOpen && byHand) text.focus();
  }

  /** Show the contents of the state. */
  function refresh() {
    text.value = state.typed;
    word.value = state.word;
  }

  refresh();
  open(Boolean(state.isOpen));
  return { element, open, refresh };
}
