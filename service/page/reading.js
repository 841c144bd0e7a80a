// A text as the model reads it: its pieces can be clicked, and some places are marked.

import { h } from "./dom.js";
import { codePoints } from "./text.js";

/**
 * Return a paragraph of buttons, one for each piece.
 *
 * @param text     The text that was read.
 * @param offsets  The offsets of its pieces, from /tokenize: half-open, in code points.
 * @param marks    The marked places: a piece that touches one has the class "marked".
 * @param onPick   Called with the characters of the piece that was clicked.
 * @param label    Returns the name of a piece's button for a screen reader.
 */
export function readingLine({ text, offsets, marks = [], onPick, label }) {
  const points = codePoints(text);
  const parts = [];
  let reached = 0;
  for (const [begin, end] of offsets) {
    if (end <= reached) continue; // several pieces in one code point: the bytes of a rare character
    if (begin > reached) parts.push(points.slice(reached, begin).join(""));
    const piece = points.slice(Math.max(begin, reached), end).join("");
    parts.push(pieceButton(piece, isMarked(begin, end, marks), onPick, label));
    reached = end;
  }
  parts.push(points.slice(reached).join(""));
  return h("p", { class: "reading", lang: "zh-Hans" }, parts);
}

function isMarked(begin, end, marks) {
  return marks.some(([from, to]) => begin < to && from < end);
}

function pieceButton(piece, marked, onPick, label) {
  const word = piece.trim();
  if (!word || !onPick) return h("span", { class: marked ? "piece marked" : "piece" }, piece);
  return h(
    "button",
    {
      type: "button",
      class: marked ? "piece marked" : "piece",
      "aria-label": label?.(word),
      "aria-pressed": String(marked),
      on: { click: () => onPick(word) },
    },
    piece,
  );
}
