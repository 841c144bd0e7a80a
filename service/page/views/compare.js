// Compare: the occurrences of a word, and how alike each layer finds them.

import { h } from "../dom.js";
import { EXAMPLES, typed } from "../examples.js";
import { askForOccurrences } from "../question.js";
import { requestPanel } from "../request.js";
import words from "../words/compare.js";
import { exampleChips, writer } from "../writer.js";
import { readLines } from "./compare/lines.js";
import { matrices } from "./compare/matrices.js";

export { words };
export const styles = "views/compare.css";

const PER_SENSE = 3; // sentences of an example; more are on the map
const MAX_OCCURRENCES = 40; // a larger table says nothing

export async function mount(host, context) {
  const { t, memory: state, notice } = context;
  const fill = (example) => typed(example, PER_SENSE);
  state.typed ??= fill(EXAMPLES[0]);
  state.word ??= EXAMPLES[0].word;
  state.center ??= true;

  const panel = requestPanel(t);
  const lines = readLines({ t, onPick: (word) => ((state.word = word), compare()) });
  const form = writer({ t, state, list: lines.element, action: t("compare"), onSubmit: () => compare() });
  const chips = exampleChips({ t, examples: EXAMPLES, state, fill, onChoose: () => compare() });
  const results = h("div", { class: "results" });
  host.append(
    h("div", { class: "heading" }, h("h1", {}, t("title")), chips.element),
    h("p", { class: "lead" }, t("lead")),
    h("div", { class: "columns" }, h("div", {}, form.element, notice.element), results),
    panel.element,
  );

  /** Ask for the vectors of what is typed, and show everything anew. */
  async function compare() {
    form.refresh();
    chips.refresh();
    const found = await notice.attempt(() => ask(context, state));
    if (!found) return;
    state.found = found;
    show();
  }

  function show() {
    const { found } = state;
    lines.show(found.lines);
    form.open(!found.lines.length);
    if (found.message) notice.say(t(...found.message));
    if (!found.layers) return results.replaceChildren();
    panel.show("/embed", found.body, found.answer);
    results.replaceChildren(...matrices({ t, found, state, onPoint: lines.point, onCenter: () => compare() }));
  }

  if (state.found) show();
  else await compare();
}

/** The vectors of the word, and the pieces of every line beside them. */
async function ask(context, state) {
  const asked = askForOccurrences(context, state, MAX_OCCURRENCES);
  const texts = state.typed.split(/\r?\n/).map((line) => line.trim()).filter(Boolean);
  const cut = texts.length ? context.ask("/tokenize", { texts }) : { data: { data: [] } };
  const [found, pieces] = await Promise.all([asked, cut]);
  pieces.data.data.forEach(({ offsets }, index) => (found.lines[index].offsets = offsets));
  return found;
}
