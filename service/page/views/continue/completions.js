// Completions of a text, each with its probability.

import { h } from "../../dom.js";

/**
 * Return a list of buttons, one for each completion.
 *
 * @param text    The text that was continued.
 * @param found   `data` of a response of /complete.
 * @param onTake  Called with the text and the clicked completion, joined.
 */
export function completions({ t, text, found, onTake }) {
  const items = found.map((completion) =>
    h(
      "li",
      {},
      h(
        "button",
        {
          type: "button",
          class: "completion",
          lang: "zh-Hans",
          "aria-label": t("take", { text: text + completion.text }),
          on: { click: () => onTake(text + completion.text) },
        },
        h("span", { class: "before" }, text),
        h("span", { class: "added" }, completion.text),
      ),
      h(
        "p",
        { class: "hint", "data-log-probability": completion.log_probability },
        figures(t, completion),
      ),
    ),
  );
  return h("ol", { "aria-label": t("completions") }, items);
}

function figures(t, { log_probability, pieces, finished }) {
  const told = t("figures", {
    log_probability: log_probability.toFixed(2).replace("-", "−"),
    pieces: pieces.length,
  });
  return finished ? `${told} · ${t("finished")}` : told;
}
