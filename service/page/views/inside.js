// The view Inside: the gates and the memory of one layer as it reads a text.

import { ApiError } from "../api.js";
import { h } from "../dom.js";
import { submittingField } from "../field.js";
import { textOf } from "../pieces.js";
import { requestPanel } from "../request.js";
import words from "../words/inside.js";
import { board } from "./inside/board.js";
import { following } from "./inside/following.js";
import { numbers } from "./inside/numbers.js";
import { traceOf } from "./inside/trace.js";

export { words };
export const styles = "views/inside.css";

// Written for this page: the word for France decides which language is named thirty pieces later.
const EXAMPLE =
  "他在法国住了十年，每天和邻居聊天，读当地的报纸，看当地的电影，所以他能说一口流利的法语。";
const FOLLOWED = "法国";
const DIRECTIONS = ["forward", "backward"];

export async function mount(host, context) {
  const { t, memory: state, notice, ask, info, signal } = context;
  state.text ??= EXAMPLE;
  state.layer ??= 1;
  state.direction ??= "forward";

  const panel = requestPanel(t);
  const results = h("div", { class: "inside" });
  const about = h("section", { class: "following" });
  const table = h("div", {
    class: "scroller",
    tabindex: "0",
    role: "region",
    "aria-label": t("table"),
  });
  const details = h("details", {}, h("summary", {}, t("table")), table);
  const field = submittingField({
    id: "text",
    label: t("text"),
    text: state.text,
    onType: (text) => (state.text = text),
    onSubmit: look,
  });
  const layers = h("select", {
    id: "layer",
    on: { change: (event) => ((state.layer = Number(event.target.value)), look()) },
  });
  host.append(
    h("h1", {}, t("title")),
    h("p", { class: "lead" }, t("lead")),
    h(
      "form",
      { class: "asking", on: { submit: (event) => (event.preventDefault(), look()) } },
      field.element,
      h(
        "div",
        { class: "row" },
        h("label", { for: "layer" }, t("layer")),
        layers,
        h("label", { for: "direction" }, t("direction")),
        directions(),
        h("button", { type: "submit", class: "primary" }, t("look")),
      ),
    ),
    notice.element,
    results,
    panel.element,
  );

  function directions() {
    const options = DIRECTIONS.map((one) =>
      h("option", { value: one, selected: one === state.direction }, t(one)),
    );
    const choose = (event) => {
      state.direction = event.target.value;
      look();
    };
    return h("select", { id: "direction", on: { change: choose } }, options);
  }

  async function offerLayers() {
    const { model } = await info();
    layers.replaceChildren(
      ...Array.from({ length: model.num_layers }, (_, index) =>
        h("option", { value: index + 1, selected: index + 1 === state.layer }, index + 1),
      ),
    );
  }

  /** Request the gates of the text as it stands, and show them. */
  async function look() {
    const body = { text: state.text, layer: state.layer, direction: state.direction };
    const answer = await notice.attempt(async () => {
      await offerLayers();
      return ask("/inspect", body).catch(explain);
    });
    if (!answer) return;
    const isSame = state.found?.body.text === body.text;
    state.found = { body, answer, trace: traceOf(answer.data) };
    if (!isSame) state.chosen = Math.max(state.found.trace.pieces.map(textOf).indexOf(FOLLOWED), 0);
    state.cell = null; // in each layer and text, another cell remembers longest
    show();
  }

  /** If the server refuses /inspect, show how to turn it on; the refusal names the setting. */
  function explain(error) {
    if (error instanceof ApiError && error.code === "not_found" && error.details.setting) {
      const variable = `BILM_${error.details.setting.toUpperCase()}=1`;
      results.replaceChildren(
        h("p", {}, t("off")),
        h("pre", {}, h("code", { tabindex: "0" }, `${variable} scripts/serve`)),
      );
    }
    throw error;
  }

  function show() {
    const { body, answer, trace } = state.found;
    panel.show("/inspect", body, answer);
    if (!trace.count) {
      results.replaceChildren();
      return notice.say(t("no_pieces"));
    }
    const drawn = board({
      t,
      trace,
      state,
      onChoose: (left) => {
        about.replaceChildren(...following({ t, trace, left }));
        table.replaceChildren(numbers({ t, trace, left }));
      },
    });
    results.replaceChildren(drawn.element, about, details);
    state.repaint = drawn.repaint;
    return drawn.repaint();
  }

  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => state.repaint?.(), {
    signal,
  });
  if (!state.found) return look();
  await offerLayers();
  return show();
}
