// What Compare asks of the service: the pieces of the sentences, and the vectors of a word in them.

import { groupedLines, occurrences } from "../../text.js";
import { rowsByLayer } from "../../vectors.js";

const MAX_OCCURRENCES = 40; // a larger table says nothing

/**
 * {lines, message?, layers?, groups?, body?, answer?, info}.
 *
 * `layers[layer][occurrence]` is a vector; the last layer is the context where the model has one.
 * `message` says why there are none, or fewer than there might be.
 */
export async function askForOccurrences({ ask, info, t }, { typed, word, center }) {
  const lines = groupedLines(typed);
  if (!lines.length) return { lines: [], message: t("no_text") };
  const [facts, cut] = await Promise.all([info(), ask("/tokenize", { texts: lines.map((line) => line.text) })]);
  const total = number(lines, cut.data.data, word.trim());
  const read = { lines, info: facts, isRead: true };
  if (!word.trim()) return { ...read, message: t("no_word_given") };
  if (!total) return { ...read, message: t("no_word", { word: word.trim() }) };

  const body = question(lines, facts, center);
  const answer = await ask("/embed", body);
  const message = total > MAX_OCCURRENCES ? t("too_many", { limit: MAX_OCCURRENCES, count: total }) : null;
  return { ...read, message, body, answer, layers: rowsByLayer(answer.data.data), ...placed(lines) };
}

/** Give each line its pieces and the numbers of its occurrences, counted from 1 over all lines. */
function number(lines, cuts, word) {
  let total = 0;
  lines.forEach((line, index) => {
    const places = occurrences(line.text, word);
    line.offsets = cuts[index].offsets;
    line.marks = places.slice(0, Math.max(0, MAX_OCCURRENCES - total));
    line.numbers = line.marks.map((_, place) => total + place + 1);
    total += places.length;
  });
  return total;
}

function question(lines, { model, features }, center) {
  const layers = Array.from({ length: model.num_layers + 1 }, (_, layer) => layer);
  const holding = lines.filter((line) => line.marks.length);
  return {
    texts: holding.map((line) => line.text),
    level: "span",
    spans: holding.map((line) => line.marks),
    layers: features.context ? [...layers, "context"] : layers,
    center,
    dtype: "float16",
  };
}

/** Per occurrence: the group of its line, and which line that is. */
function placed(lines) {
  const each = lines.flatMap((line, index) => line.marks.map(() => ({ group: line.group, index })));
  return { groups: each.map(({ group }) => group), lineOf: each.map(({ index }) => index) };
}
