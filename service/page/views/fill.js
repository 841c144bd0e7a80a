// The view Fill: a text with a blank, and what the model expects there from each side.

import { chips } from "../chips.js";
import { h } from "../dom.js";
import { submittingField } from "../field.js";
import { requestPanel } from "../request.js";
import { BLANK } from "../text.js";
import words from "../words/fill.js";
import { expectations } from "./fill/expectations.js";

export { words };
export const styles = "views/fill.css";

const MAX_PIECES = 6;
// Written for this page.
const EXAMPLES = [
  "我爱____",
  "他打开电脑，给老板写了一封____。",
  "医生说这种____会在人群中传播，要戴口罩。",
  "昨天夜里____得很大，路上都是水。",
];

export async function mount(host, context) {
  const { t, memory: state, notice, ask } = context;
  state.text ??= EXAMPLES[0];
  state.numPieces ??= 1;

  const panel = requestPanel(t);
  const field = submittingField({
    id: "text",
    label: t("text"),
    text: state.text,
    onType: type,
    onSubmit: fill,
  });
  const again = h(
    "button",
    { type: "button", hidden: true, on: { click: blankAgain } },
    t("again"),
  );
  const results = h("div", { class: "sides" });
  host.append(
    h("h1", {}, t("title")),
    h("p", { class: "lead" }, t("lead")),
    chips(t("examples"), EXAMPLES, (index) => (write(EXAMPLES[index]), fill())),
    h(
      "form",
      { class: "asking", on: { submit: (event) => (event.preventDefault(), fill()) } },
      field.element,
      h(
        "div",
        { class: "row" },
        h("label", { for: "num-pieces" }, t("num_pieces")),
        numPieces(),
        h("button", { type: "submit", class: "primary" }, t("fill")),
        again,
      ),
    ),
    notice.element,
    results,
    panel.element,
  );

  function numPieces() {
    const options = Array.from({ length: MAX_PIECES }, (_, index) =>
      h("option", { value: index + 1, selected: index + 1 === state.numPieces }, index + 1),
    );
    const choose = (event) => {
      state.numPieces = Number(event.target.value);
      if (!BLANK.test(state.text)) blankAgain();
      fill();
    };
    return h("select", { id: "num-pieces", on: { change: choose } }, options);
  }

  function type(text) {
    state.text = text;
    again.hidden = BLANK.test(text) || !state.found;
  }

  function write(text) {
    field.write(text);
    type(text);
  }

  /** Request guesses for the text as it stands, and show them. */
  async function fill() {
    const body = {
      text: state.text,
      top_k: 10,
      ...(state.numPieces > 1 && { num_pieces: state.numPieces }),
    };
    const answer = await notice.attempt(() => ask("/fill", body));
    if (!answer) return;
    state.found = { body, answer };
    type(state.text);
    show();
  }

  function show() {
    const { body, answer } = state.found;
    panel.show("/fill", body, answer);
    const hint = h("p", { class: "hint" }, t(body.num_pieces ? "pick.many" : "pick.hint"));
    results.replaceChildren(...expectations({ t, found: answer.data, onPick: put }), hint);
  }

  /** Put the clicked guess into the blank; it replaces a guess that was put there before. */
  function put(text) {
    const holding = [state.text, state.text === state.filled ? state.found.body.text : ""].find(
      (one) => BLANK.test(one),
    );
    if (holding === undefined) return notice.say(t("no_blank"));
    state.filled = holding.replace(BLANK, () => text);
    write(state.filled);
    return notice.say(t("filled", { piece: text.trim() || t("space") }));
  }

  function blankAgain() {
    write(state.found.body.text);
    notice.clear();
    field.focus();
  }

  if (!state.found) return fill();
  type(state.text);
  return show();
}
