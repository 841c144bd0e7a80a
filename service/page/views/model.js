// The view Model: what the model has read, how good it is and what it has learned, from its card.

import { h } from "../dom.js";
import { requestPanel } from "../request.js";
import words from "../words/model.js";
import { curve } from "./model/curve.js";
import { bits, filled, similarWords, sizes, sources } from "./model/sections.js";

export { words };
export const styles = "views/model.css";

// The blanks of `bilm card`.
const BLANKS = ["我爱____。", "他去____看病。", "这个____很好吃。"];
const NUM_GUESSES = 5;

export async function mount(host, context) {
  const { t, language, memory: state, notice, ask, info } = context;
  const panel = requestPanel(t);
  const body = h("div", { class: "card" });
  host.append(
    h("h1", {}, t("title")),
    h("p", { class: "lead" }, t("lead")),
    notice.element,
    body,
    panel.element,
  );

  /** Request what the page does not know yet. */
  async function learn() {
    const facts = await info();
    const answers = [];
    for (const text of BLANKS) {
      answers.push(await ask("/fill", { text, top_k: NUM_GUESSES }));
    }
    return { facts, answers };
  }

  state.found ??= await notice.attempt(learn);
  if (!state.found) return;
  const { facts, answers } = state.found;
  const { card } = facts;
  const say = { t, number: (value) => value.toLocaleString(language) };
  const fills = BLANKS.map((text, index) => [text, answers[index].data.cloze]);
  const column = (...sections) => h("div", { class: "column" }, sections);
  body.replaceChildren(
    column(
      section("sizes", t("sizes"), "", sizes(say, facts.model)),
      section("training", t("training"), "", curve(say, card.training ?? {})),
      section("blanks", t("blanks"), t("blanks.note"), filled(fills)),
    ),
    column(
      section("bits", t("bits"), t("bits.note"), bits(say, card.evaluation ?? {}, card.data ?? {})),
      section(
        "similar",
        t("similar"),
        t("similar.note"),
        similarWords(Object.entries(facts.similar_words)),
      ),
    ),
    ...[section("text", t("text"), "", sources(say, card.data ?? {}))].filter(Boolean),
  );
  panel.show("/fill", { text: BLANKS[0], top_k: NUM_GUESSES }, answers[0]);
}

/** A part of the card with its heading; null if there is nothing in it. */
function section(name, title, note, content) {
  if (!content.length) return null;
  return h(
    "section",
    { class: name },
    h("h2", {}, title),
    note && h("p", { class: "hint" }, note),
    content,
  );
}
