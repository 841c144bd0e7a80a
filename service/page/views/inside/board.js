// The board: for each piece, its gates, the memory, and what is kept of the chosen piece.

import { h } from "../../dom.js";
import { textOf } from "../../pieces.js";
import { bandOf, paint } from "./heat.js";
import { GATES, SHOWN, cellsByMemory, meanAt, survival, valueAt } from "./trace.js";

const DIGITS = 4;

/**
 * Return {element, repaint()}: a column for each piece, with the pictures below one another.
 *
 * @param trace     The result of traceOf.
 * @param state     Keeps `chosen`, the piece that is followed, and `cell`, whose numbers are shown.
 * @param onChoose  Called with the result of survival whenever another piece is chosen.
 */
export function board({ t, trace, state, onChoose }) {
  const order = cellsByMemory(trace);
  const maps = Object.fromEntries([...SHOWN, "kept"].map((name) => [name, heatMap(name)]));
  const pieces = trace.pieces.map(pieceButton);
  const figures = {
    share: trace.pieces.map(() => h("span")),
    lasting: trace.pieces.map(() => h("span")),
  };
  const marker = h("div", { class: "marker", "aria-hidden": "true" });
  const readout = h("dl", { class: "readout", "aria-live": "polite" });

  const columns = h(
    "div",
    { class: "columns-of-pieces" },
    h(
      "div",
      {
        class: "strip pieces",
        role: "radiogroup",
        "aria-label": t("pieces"),
        on: { keydown: walk },
      },
      pieces,
    ),
    Object.values(maps),
    h("div", { class: "strip bars", "aria-hidden": "true" }, figures.share),
    h("div", { class: "strip", "aria-hidden": "true" }, figures.lasting),
    marker,
  );
  columns.style.setProperty("--pieces", trace.count);
  const element = h(
    "div",
    {},
    h("div", { class: "board" }, names(t), h("div", { class: "scroller" }, columns)),
    readout,
    h("p", { class: "hint" }, t("legend", { band: bandOf(trace.cells) })),
    scale(t),
  );

  function heatMap(name) {
    const label = t("map", { name: t(name), count: trace.count, cells: trace.cells });
    const canvas = h("canvas", { class: `map map-${name}`, role: "img", "aria-label": label });
    canvas.addEventListener("pointermove", (event) => tell(...placeOf(event)));
    canvas.addEventListener("pointerleave", () => tell(state.chosen, state.cell));
    canvas.addEventListener("click", (event) => choose(...placeOf(event)));
    return canvas;
  }

  function placeOf({ offsetX, offsetY, target }) {
    const piece = Math.floor((offsetX / target.clientWidth) * trace.count);
    const rank = Math.floor((offsetY / target.clientHeight) * trace.cells);
    return [within(piece, trace.count), order[within(rank, trace.cells)]];
  }

  function pieceButton(piece, index) {
    const shown = textOf(piece);
    const properties = {
      type: "button",
      role: "radio",
      title: shown,
      tabindex: "-1",
      lang: "zh-Hans",
    };
    return h("button", { ...properties, on: { click: () => choose(index, state.cell) } }, shown);
  }

  /** Let arrow keys move to the next piece, or to the next cell in the order of memory. */
  function walk(event) {
    const [piece, rank] = STEPS[event.key] ?? [0, 0];
    if (!piece && !rank) return;
    event.preventDefault();
    const cell = order[within(order.indexOf(state.cell) + rank, trace.cells)];
    choose(within(state.chosen + piece, trace.count), cell);
    pieces[state.chosen].focus();
  }

  function choose(piece, cell) {
    state.chosen = piece;
    state.cell = cell;
    pieces.forEach((button, index) => {
      button.setAttribute("aria-checked", index === piece);
      button.tabIndex = index === piece ? 0 : -1;
    });
    marker.style.setProperty("--piece", piece);
    tell(piece, cell);
    follow();
  }

  /** Show the numbers of one cell at one piece, beside the means of all cells. */
  function tell(piece, cell) {
    const rank = order.indexOf(cell) + 1;
    const place = t("chosen", { piece: textOf(trace.pieces[piece]), cell });
    readout.replaceChildren(
      h("div", {}, h("dt", {}, place), h("dd", {}, t("rank", { rank, cells: trace.cells }))),
      ...SHOWN.map((name) =>
        h(
          "div",
          {},
          h("dt", {}, t(name)),
          h("dd", { "data-name": name }, valueAt(trace, name, piece, cell).toFixed(DIGITS)),
          h("dd", { class: "hint" }, `${t("mean")} ${meanAt(trace, name, piece).toFixed(2)}`),
        ),
      ),
    );
  }

  /** Show what is kept of the chosen piece. */
  function follow() {
    const left = survival(trace, state.chosen);
    const byPiece = new Map(left.map((one) => [one.piece, one]));
    paint(maps.kept, trace.count, order, (piece, cell) => byPiece.get(piece)?.kept[cell] ?? null);
    for (const [index, bar] of figures.share.entries()) {
      const share = byPiece.get(index)?.share;
      bar.textContent = share === undefined ? "" : short(100 * share);
      bar.style.setProperty("--share", share ?? 0);
    }
    for (const [index, number] of figures.lasting.entries())
      number.textContent = byPiece.get(index)?.lasting ?? "";
    onChoose(left);
  }

  function repaint() {
    for (const name of GATES)
      paint(maps[name], trace.count, order, (piece, cell) => valueAt(trace, name, piece, cell));
    paint(maps.cell_state, trace.count, order, (piece, cell) =>
      Math.tanh(valueAt(trace, "cell_state", piece, cell)),
    );
    choose(within(state.chosen, trace.count), within(state.cell ?? order[0], trace.cells));
  }

  return { element, repaint };
}

const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const ROWS = [
  ["input_gate", "input_gate.note"],
  ["forget_gate", "forget_gate.note"],
  ["output_gate", "output_gate.note"],
  ["cell_state", "cell_state.note"],
  ["kept", "kept.note"],
  ["share", "share.note"],
  ["lasting", "lasting.note"],
];

/** The names to the left of the columns. */
function names(t) {
  return h(
    "div",
    { class: "names", "aria-hidden": "true" },
    h("span", { class: "name-pieces" }),
    ROWS.map(([name, note]) =>
      h("span", { class: `name-${name}` }, h("b", {}, t(name)), h("small", {}, t(note))),
    ),
  );
}

function scale(t) {
  return h(
    "p",
    { class: "scale", "aria-hidden": "true" },
    h("span", {}, t("closed")),
    h("span", { class: "bar" }),
    h("span", {}, t("open")),
  );
}

/** The number from 0 to count - 1 that is nearest to the given one. */
function within(number, count) {
  return Math.max(0, Math.min(number, count - 1));
}

/** A percentage for a narrow column, with two significant digits. */
function short(percent) {
  return percent >= 9.95 ? percent.toFixed(0) : percent.toFixed(percent >= 0.995 ? 1 : 2);
}
