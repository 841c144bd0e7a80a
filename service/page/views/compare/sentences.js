// The sentences of Compare: read as pieces to click on, or open to be written.

import { h } from "../../dom.js";
import { readingLine } from "../../reading.js";

/**
 * {element, showLines(lines), point(...texts)}.
 *
 * @param state      {typed, word}: kept up to date with every key.
 * @param onCompare  Called when the visitor wants what stands there compared.
 */
export function sentences({ t, state, onCompare }) {
  const lines = h("ol", { class: "lines" });
  const text = h("textarea", { id: "typed", rows: 9, spellcheck: "false", lang: "zh-Hans", "aria-describedby": "typed-hint" });
  const word = h("input", { id: "word", size: 8, autocomplete: "off", spellcheck: "false", lang: "zh-Hans" });
  const writing = h("div", { class: "writing" }, h("label", { for: "typed", id: "typed-hint" }, t("editing")), text);
  const edit = h("button", { type: "button", class: "quiet", "aria-controls": "typed", on: { click: () => open(true) } }, t("edit"));
  const element = h(
    "form",
    { class: "sentences", on: { submit } },
    h("div", { class: "row heading" }, h("h2", {}, t("sentences")), edit),
    lines,
    h("p", { class: "hint" }, t("pick.hint")),
    writing,
    h("div", { class: "row" }, h("label", { for: "word" }, t("word")), word, h("button", { class: "primary" }, t("compare"))),
  );
  text.addEventListener("input", () => (state.typed = text.value));
  text.addEventListener("keydown", (event) => event.key === "Enter" && (event.ctrlKey || event.metaKey) && submit(event));
  word.addEventListener("input", () => (state.word = word.value));

  function submit(event) {
    event.preventDefault();
    onCompare();
  }

  function open(isOpen) {
    state.isOpen = isOpen;
    element.classList.toggle("open", isOpen);
    edit.setAttribute("aria-expanded", String(isOpen));
    if (isOpen) text.focus();
  }

  /** Show what is typed, and the lines as they were read: {text, group, offsets, marks, numbers}. */
  function showLines(read) {
    text.value = state.typed;
    word.value = state.word;
    lines.replaceChildren(...read.map((line) => item(line)));
  }

  function item({ text: sentence, group, offsets, marks, numbers }) {
    const label = (piece) => t("pick", { word: piece });
    const onPick = (piece) => {
      state.word = piece;
      word.value = piece;
      onCompare();
    };
    return h(
      "li",
      { class: `line group-${group % 6}` },
      h("span", { class: "numbers" }, numbers.join(" ")),
      readingLine({ text: sentence, offsets, marks, onPick, label }),
    );
  }

  /** Mark the lines with these places in the list; none when called with nothing. */
  function point(...places) {
    [...lines.children].forEach((line, index) => line.classList.toggle("pointed", places.includes(index)));
  }

  text.value = state.typed;
  word.value = state.word;
  element.classList.toggle("open", Boolean(state.isOpen));
  return { element, showLines, point, open };
}
