// What Compare and Map have in common: examples and sentences at the left, what is found at the right.

import { chips } from "./chips.js";
import { h } from "./dom.js";
import { EXAMPLES } from "./examples.js";
import { requestPanel } from "./request.js";
import { writer } from "./writer.js";

/**
 * {form, panel, refresh()}, built inside `host`; the form is that of writer.js.
 *
 * @param list    The element that shows the sentences while they are not being written.
 * @param action  The name of the button.
 * @param fill    An example -> the sentences to type for it.
 * @param found   The element that shows what is found.
 * @param onAsk   Called when the visitor wants an answer for what stands there.
 */
export function desk(host, { t, memory: state, notice }, { list, action, fill, found, onAsk }) {
  state.typed ??= fill(EXAMPLES[0]);
  state.word ??= EXAMPLES[0].word;

  const form = writer({ t, state, list, action, onSubmit: onAsk });
  const panel = requestPanel(t);
  const names = EXAMPLES.map(({ word }) => word);
  const examples = chips(t("writer.examples"), names, (index) => choose(EXAMPLES[index]));
  host.append(
    h(
      "div",
      { class: "intro" },
      h("h1", {}, t("title")),
      h("p", { class: "lead" }, t("lead")),
      examples,
    ),
    h("div", { class: "columns" }, h("div", {}, form.element, notice.element), found),
    panel.element,
  );

  function choose(example) {
    Object.assign(state, { typed: fill(example), word: example.word, isOpen: false });
    onAsk();
  }

  /** Show what the state holds, and mark the example that stands there as it was given. */
  function refresh() {
    form.refresh();
    for (const [index, example] of EXAMPLES.entries()) {
      const isChosen = state.word === example.word && state.typed === fill(example);
      examples.children[index].setAttribute("aria-pressed", String(isChosen));
    }
  }

  refresh();
  return { form, panel, refresh };
}
