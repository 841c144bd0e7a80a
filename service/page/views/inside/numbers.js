// The board as a table, for visitors who prefer numbers or use a screen reader.

import { h } from "../../dom.js";
import { percent, textOf } from "../../pieces.js";
import { SHOWN, meanAt } from "./trace.js";

/** A table with a row per piece: mean gates and cell state, and what is left of the chosen one. */
export function numbers({ t, trace, left }) {
  const byPiece = new Map(left.map((one) => [one.piece, one]));
  const heads = ["piece", ...SHOWN, "share", "lasting"];
  return h(
    "table",
    { class: "numbers" },
    h("caption", { class: "hint" }, t("table.lead", { cells: trace.cells })),
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        heads.map((name) => h("th", { scope: "col" }, t(name))),
      ),
    ),
    h(
      "tbody",
      {},
      trace.pieces.map((piece, index) =>
        h(
          "tr",
          {},
          h("th", { scope: "row", lang: "zh-Hans" }, textOf(piece)),
          SHOWN.map((name) => h("td", {}, meanAt(trace, name, index).toFixed(3))),
          h("td", {}, byPiece.has(index) ? percent(byPiece.get(index).share) : ""),
          h("td", {}, byPiece.get(index)?.lasting ?? ""),
        ),
      ),
    ),
  );
}
