// The view Compare: the occurrences of a word, and how similar they are in each layer.

import { desk } from "../desk.js";
import { h } from "../dom.js";
import { typed } from "../examples.js";
import { askForOccurrences } from "../question.js";
import { groupedLines } from "../text.js";
import words from "../words/compare.js";
import { readLines } from "./compare/lines.js";
import { matrices } from "./compare/matrices.js";

export { words };
export const styles = "views/compare.css";

const PER_SENSE = 3; // sentences of an example that are shown here; the map shows more
const MAX_OCCURRENCES = 40; // a larger table cannot be read

export async function mount(host, context) {
  const { t, memory: state, notice } = context;
  state.center ??= true;

  const lines = readLines({ t, onPick: (word) => ((state.word = word), compare()) });
  const results = h("div", { class: "results" });
  const { form, panel, refresh } = desk(host, context, {
    list: lines.element,
    action: t("compare"),
    fill: (example) => typed(example, PER_SENSE),
    found: results,
    onAsk: () => compare(),
  });

  /** Request the vectors for what is typed, and show everything again. */
  async function compare() {
    refresh();
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
    results.replaceChildren(
      ...matrices({ t, found, state, onPoint: lines.point, onCenter: () => compare() }),
    );
  }

  if (state.found) return show();
  lines.show(unread(state.typed));
  await compare();
}

/** Request the vectors of the word and the pieces of every line at the same time. */
async function ask(context, state) {
  const { typed } = state;
  const [found, offsets] = await Promise.all([
    askForOccurrences(context, state, MAX_OCCURRENCES),
    cut(context, state),
  ]);
  state.cut = { typed, offsets }; // the pieces stay the same for another word or for raw vectors
  offsets.forEach((pieces, index) => (found.lines[index].offsets = pieces));
  return found;
}

async function cut(context, { typed, cut: known }) {
  if (known?.typed === typed) return known.offsets;
  const texts = groupedLines(typed).map(({ text }) => text);
  if (!texts.length) return [];
  const answer = await context.ask("/tokenize", { texts });
  return answer.data.data.map(({ offsets }) => offsets);
}

/** Return the lines before the model has read them: there are no pieces to click on yet. */
function unread(typed) {
  return groupedLines(typed).map((line) => ({ ...line, offsets: [], marks: [], numbers: [] }));
}
