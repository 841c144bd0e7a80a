// What each side expects in the blank: its best guesses, with their probabilities as bars.

import { h } from "../../dom.js";
import { percent, textOf } from "../../pieces.js";

// As they stand around a blank: the side in an answer, and what it knows.
const SIDES = [
  ["forward", "forward.note"],
  ["cloze", "cloze.note"],
  ["backward", "backward.note"],
];

/**
 * A column of buttons for each side, the most probable first; all bars have one scale.
 *
 * @param found   An answer of /fill: one piece each with its probability, or several with the
 *                logarithm of theirs.
 * @param onPick  Called with the text of the one that was clicked.
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
