// Explain what is kept of a piece, in an equation and a sentence.

import { h } from "../../dom.js";
import { percent, textOf } from "../../pieces.js";

/**
 * Return the contents of the section about the chosen piece.
 *
 * @param left The result of survival: the chosen piece, then the pieces read after it.
 */
export function following({ t, trace, left }) {
  const piece = textOf(trace.pieces[left[0].piece]);
  return [
    h("h2", {}, t("follow", { piece })),
    h("p", {}, t("follow.update")),
    h(
      "p",
      { class: "equation" },
      sub("c", "t"),
      " = ",
      sub("f", "t"),
      " ⊙ ",
      sub("c", "t−1"),
      " + ",
      sub("i", "t"),
      " ⊙ ",
      sub("g", "t"),
    ),
    h("p", {}, t("follow.product", { piece })),
    h(
      "p",
      { class: "equation" },
      sub("f", "t"),
      " ⊙ ⋯ ⊙ ",
      sub("f", "p+1"),
      " ⊙ ",
      sub("i", "p"),
      " ⊙ ",
      sub("g", "p"),
    ),
    h("p", {}, outcome(t, trace, left, piece)),
  ];
}

function outcome(t, trace, left, piece) {
  const last = left.at(-1);
  if (left.length === 1) return t("follow.end", { piece });
  return t("follow.last", {
    last: textOf(trace.pieces[last.piece]),
    steps: left.length - 1,
    share: percent(last.share),
    lasting: last.lasting,
    cells: trace.cells,
  });
}

function sub(letter, index) {
  return h("span", { class: "letter" }, h("i", {}, letter), h("sub", {}, h("i", {}, index)));
}
