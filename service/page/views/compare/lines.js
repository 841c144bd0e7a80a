// The sentences of Compare in pieces; a click on a piece compares its occurrences instead.

import { h } from "../../dom.js";
import { readingLine } from "../../reading.js";

/** Return {element, show(lines), point(...places)}; `onPick` gets the piece that was clicked. */
export function readLines({ t, onPick }) {
  const list = h("ol", { class: "lines" });
  const label = (word) => t("pick", { word });

  function show(lines) {
    list.replaceChildren(
      ...lines.map(({ text, group, offsets, marks, numbers }) =>
        h(
          "li",
          { class: `line group-${group % 6}` },
          h("span", { class: "numbers" }, numbers.join(" ")),
          readingLine({ text, offsets, marks, onPick, label }),
        ),
      ),
    );
  }

  /** Mark the lines at these places of the list, and no others. */
  function point(...places) {
    [...list.children].forEach((line, index) =>
      line.classList.toggle("pointed", places.includes(index)),
    );
  }

  const element = h("div", {}, list, h("p", { class: "hint" }, t("pick.hint")));
  return { element, show, point };
}
