// The layout that Compare and Map share: examples and sentences on the left, results on the right.

import { chips } from "./chips.js";
import { h } from "./dom.js";
import { EXAMPLES } from "./examples.js";
import { requestPanel } from "./request.js";
import { writer } from "./writer.js";

/**
 * Build the layout inside `host` and return {form, panel, refresh()}; writer.js makes the form.
 *
 * @param list    The element that shows the sentences while they are not being edited.
 * @param action  The name of the button.
 * @param fill    Returns the sentences to type for an example.
 * @param found   The element that shows the results.
 * @param onAsk   Called when the visitor submits the form.
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

  /** Show the contents of the state, and mark the example that it equals, if any. */
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
