// The best guesses for the blank from each side, with their probabilities as bars.

import { h } from "../../dom.js";
import { percent, textOf } from "../../pieces.js";

// The name of each side in a response of /fill, and the note on what it reads, from left to right.
const SIDES = [
  ["forward", "forward.note"],
  ["cloze", "cloze.note"],
  ["backward", "backward.note"],
];

/**
 * Return a column of buttons for each side, the most probable first; all bars have the same scale.
 *
 * @param found   A response of /fill: guesses of one piece with a probability, or of several pieces
 *                with a log-probability.
 * @param onPick  Called with the text of the guess that was clicked.
 */
export function expectations({ t, found, onPick }) {
  const guesses = SIDES.map(([side]) => found[side].map(guessOf));
  const most = Math.max(...guesses.flat().map((guess) => guess.probability));
  return SIDES.map(([side, note], index) =>
    column(
      t,
      side,
      note,
      guesses[index].map((guess) => guessButton(t, guess, guess.probability / most, onPick)),
    ),
  );
}

function column(t, side, note, buttons) {
  return h(
    "section",
    { class: `side side-${side}`, "aria-labelledby": `side-${side}` },
    h("h2", { id: `side-${side}` }, t(side)),
    h("p", { class: "hint" }, t(note)),
    h(
      "ol",
      {},
      buttons.map((button) => h("li", {}, button)),
    ),
  );
}

/** {piece, probability} or {text, log_probability} -> {text, probability}. */
function guessOf(expected) {
  return {
    text: expected.text ?? textOf(expected.piece),
    probability: expected.probability ?? Math.exp(expected.log_probability),
  };
}

function guessButton(t, { text, probability }, share, onPick) {
  const bar = h("span", { class: "bar" });
  bar.style.setProperty("--share", share);
  return h(
    "button",
    {
      type: "button",
      class: "guess",
      "data-probability": probability,
      "aria-label": t("pick", {
        piece: text.trim() || t("space"),
        probability: percent(probability),
      }),
      on: { click: () => onPick(text) },
    },
    h("span", { class: "text", lang: "zh-Hans" }, text.replaceAll(" ", "␣")),
    bar,
    h("span", { class: "figure" }, percent(probability)),
  );
}
