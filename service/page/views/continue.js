// The view Continue: a text, and how the forward model continues it.

import { chips } from "../chips.js";
import { h } from "../dom.js";
import { submittingField } from "../field.js";
import { requestPanel } from "../request.js";
import words from "../words/continue.js";
import { completions } from "./continue/completions.js";
import { strategies } from "./continue/strategies.js";

export { words };
export const styles = "views/continue.css";

// Written for this page.
const EXAMPLES = ["昨天晚上，我和朋友", "北京是中国的", "医生说，感冒的时候"];

export async function mount(host, context) {
  const { t, memory: state, notice, ask } = context;
  state.text ??= EXAMPLES[0];
  state.strategy ??= "greedy";
  state.fields ??= {
    max_pieces: "20",
    temperature: "0.8",
    top_k: "50",
    seed: "0",
    num_beams: "8",
    num_completions: "3",
  };

  const panel = requestPanel(t);
  const field = submittingField({
    id: "text",
    label: t("text"),
    text: state.text,
    onType: (text) => (state.text = text),
    onSubmit: goOn,
  });
  const choices = strategies({ t, state, onChoose: goOn });
  const results = h("div", { class: "completions" });
  host.append(
    h("h1", {}, t("title")),
    h("p", { class: "lead" }, t("lead")),
    chips(t("examples"), EXAMPLES, (index) => (write(EXAMPLES[index]), goOn())),
    h(
      "form",
      {
        class: "asking",
        novalidate: true,
        on: { submit: (event) => (event.preventDefault(), goOn()) },
      },
      field.element,
      choices.element,
      h(
        "div",
        { class: "row" },
        h("button", { type: "submit", class: "primary" }, t("go_on")),
        choices.drawAgain,
      ),
    ),
    notice.element,
    results,
    panel.element,
  );

  function write(text) {
    state.text = text;
    field.write(text);
  }

  /** Request completions for the text and the strategy as they stand, and show them. */
  async function goOn() {
    const body = { text: state.text, strategy: state.strategy, ...choices.values() };
    const answer = await notice.attempt(() => ask("/complete", body));
    if (!answer) return;
    state.found = { body, answer };
    show();
  }

  function show() {
    const { body, answer } = state.found;
    panel.show("/complete", body, answer);
    results.replaceChildren(
      completions({ t, text: body.text, found: answer.data.data, onTake: take }),
      h("p", { class: "hint" }, t("hint")),
    );
  }

  function take(text) {
    write(text);
    notice.say(t("taken"));
  }

  if (!state.found) return goOn();
  return show();
}
