// The choice of a strategy for /complete, and the fields that the strategy uses.

import { h } from "../../dom.js";

// Each strategy, the note on it, and its fields besides the length of a completion.
const STRATEGIES = [
  ["greedy", "greedy.note", []],
  ["sample", "sample.note", ["temperature", "top_k", "seed", "num_completions"]],
  ["beam", "beam.note", ["num_beams", "num_completions"]],
];
const STEP = { temperature: 0.1 };

/**
 * Return {element, drawAgain, values()}: radio buttons, the fields of the chosen strategy, and a
 * button that draws with the next seed.
 *
 * @param state     `strategy`, and `fields` as they were typed; the service refuses wrong values.
 * @param onChoose  Called when a new request is due.
 */
export function strategies({ t, state, onChoose }) {
  const numbers = h("div", { class: "row numbers-of-strategy" });
  const note = h("p", { class: "hint" });
  const drawAgain = h("button", { type: "button", on: { click: draw } }, t("draw_again"));
  const radios = STRATEGIES.map(([name]) => {
    const choose = () => {
      state.strategy = name;
      offer();
      onChoose();
    };
    const input = h("input", {
      type: "radio",
      name: "strategy",
      value: name,
      checked: name === state.strategy,
      on: { change: choose },
    });
    return h("label", {}, input, " ", t(name));
  });
  const element = h(
    "fieldset",
    { class: "strategies" },
    h("legend", {}, t("strategy")),
    h("div", { class: "row" }, radios),
    note,
    numbers,
  );

  function offer() {
    note.textContent = t(chosen()[1]);
    numbers.replaceChildren(...names().map(numberField));
    drawAgain.hidden = state.strategy !== "sample";
  }

  function chosen() {
    return STRATEGIES.find(([name]) => name === state.strategy);
  }

  function names() {
    return ["max_pieces", ...chosen()[2]];
  }

  function numberField(name) {
    const input = h("input", {
      id: name,
      type: "number",
      inputmode: "decimal",
      step: STEP[name] ?? 1,
    });
    input.value = state.fields[name];
    input.addEventListener("input", () => (state.fields[name] = input.value));
    return h("span", { class: "number" }, h("label", { for: name }, t(name)), input);
  }

  function draw() {
    state.fields.seed = String(Number(state.fields.seed) + 1);
    offer();
    onChoose();
  }

  /** The values for the chosen strategy; for an empty field, the service uses its default. */
  function values() {
    const typed = names().filter((name) => state.fields[name] !== "");
    return Object.fromEntries(typed.map((name) => [name, Number(state.fields[name])]));
  }

  offer();
  return { element, drawAgain, values };
}
