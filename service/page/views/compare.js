// Compare: the occurrences of a word, and how alike each layer finds them.

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

const PER_SENSE = 3; // sentences of an example; more are on the map
const MAX_OCCURRENCES = 40; // a larger table says nothing

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

  /** Ask for the vectors of what is typed, and show everything anew. */
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

/** The vectors of the word, and the pieces of every line beside them. */
async function ask(context, state) {
  const { typed } = state;
  const [found, offsets] = await Promise.all([
    askForOccurrences(context, state, MAX_OCCURRENCES),
    cut(context, state),
  ]);
  state.cut = { typed, offsets }; // another word, or raw vectors, need no other pieces
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

/** The lines before the model has read them: no pieces to click on yet. */
function unread(typed) {
  return groupedLines(typed).map((line) => ({ ...line, offsets: [], marks: [], numbers: [] }));
}
