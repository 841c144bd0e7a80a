// The request of Compare and Map: the vectors of a word at each of its occurrences.

import { groupedLines, isEmpty, occurrences } from "./text.js";
import { rowsByLayer } from "./vectors.js";

/**
 * Resolve to {lines, facts, message?, word?, body?, answer?, layers?, groups?, lineOf?, markOf?}.
 *
 * `lines` are the typed lines: {text, group, marks, numbers}. `marks` are the places of the word,
 * and `numbers` count them from 1 over all lines. `layers[layer][occurrence]` is a vector; the
 * context comes last, if the model has it. `groups`, `lineOf` and `markOf` give, for each
 * occurrence, its group, its line and its place. `message` holds the arguments for `t`: a text that
 * says why there are no vectors, or fewer than occurrences.
 */
export async function askForOccurrences({ ask, info }, { typed, word, center }, limit) {
  const lines = groupedLines(typed);
  const sought = word.trim();
  const count = number(lines, sought, limit);
  const facts = await info();
  if (!lines.length) return { lines, facts, message: ["word.no_text"] };
  if (isEmpty(sought)) return { lines, facts, message: ["word.none_given"] };
  if (!count) return { lines, facts, message: ["word.nowhere", { word: sought }] };

  const body = question(lines, facts, center);
  const answer = await ask("/embed", body);
  const message = count > limit ? ["word.too_many", { limit, count }] : null;
  return {
    lines,
    facts,
    message,
    word: sought,
    body,
    answer,
    layers: rowsByLayer(answer.data.data),
    ...placed(lines),
  };
}

function number(lines, word, limit) {
  let count = 0;
  for (const line of lines) {
    const places = occurrences(line.text, word);
    line.marks = places.slice(0, Math.max(0, limit - count));
    line.numbers = line.marks.map((_, index) => count + index + 1);
    count += places.length;
  }
  return count;
}

/** float16 halves the bytes, and changes cosines only in the fourth digit. */
const DTYPE = "float16";

function question(lines, { model, features }, center) {
  const layers = Array.from({ length: model.num_layers + 1 }, (_, layer) => layer);
  const holding = lines.filter((line) => line.marks.length);
  return {
    texts: holding.map((line) => line.text),
    level: "span",
    spans: holding.map((line) => line.marks),
    layers: features.context ? [...layers, "context"] : layers,
    center,
    dtype: DTYPE,
  };
}

function placed(lines) {
  const each = lines.flatMap((line, index) =>
    line.marks.map((mark) => ({ group: line.group, index, mark })),
  );
  return {
    groups: each.map(({ group }) => group),
    lineOf: each.map(({ index }) => index),
    markOf: each.map(({ mark }) => mark),
  };
}
