// Compare: the occurrences of a word, and how alike each layer finds them.

import { h } from "../dom.js";
import { EXAMPLES, typed } from "../examples.js";
import { requestPanel } from "../request.js";
import words from "../words/compare.js";
import { matrices } from "./compare/matrices.js";
import { askForOccurrences } from "./compare/question.js";
import { sentences } from "./compare/sentences.js";

export { words };
export const styles = "views/compare.css";

export async function mount(host, context) {
  const { t, memory: state, notice } = context;
  state.typed ??= typed(EXAMPLES[0]);
  state.word ??= EXAMPLES[0].word;
  state.center ??= true;

  const panel = requestPanel(t);
  const text = sentences({ t, state, onCompare: () => compare() });
  const results = h("div", { class: "results" });
  host.append(
    h("h1", {}, t("title")),
    h("p", { class: "lead" }, t("lead")),
    chips(t, state, () => (text.open(false), compare())),
    h("div", { class: "columns" }, h("div", { class: "side" }, text.element, notice.element), results),
    panel.element,
  );

  /** Read what is typed, ask for the vectors, and show everything anew. */
  async function compare() {
    const found = await notice.attempt(() => askForOccurrences(context, state));
    if (!found) return;
    state.found = found;
    show();
  }

  function show() {
    const { found } = state;
    text.showLines(found.lines);
    if (found.isRead) text.open(false);
    if (found.message) notice.say(found.message);
    if (!found.layers) return results.replaceChildren();
    panel.show("/embed", found.body, found.answer);
    results.replaceChildren(...matrices({ t, found, state, onPoint: text.point, onCenter: () => compare() }));
  }

  if (state.found) show();
  else await compare();
}

function chips(t, state, onChoose) {
  const buttons = EXAMPLES.map((example) => {
    const choose = () => {
      state.typed = typed(example);
      state.word = example.word;
      onChoose();
    };
    return h("button", { type: "button", lang: "zh-Hans", on: { click: choose } }, example.word);
  });
  return h("div", { class: "row chips", role: "group", "aria-label": t("examples") }, buttons);
}
