// The gates of one LSTM layer as it reads a text, and how much of each piece its memory keeps.
//
// Hochreiter and Schmidhuber (1997); Gers, Schmidhuber and Cummins (2000). At every piece t:
//
//     c_t = f_t * c_{t-1} + i_t * g_t
//
// so what piece p wrote, i_p * g_p, is in the memory of a later piece t as
//
//     f_{p+1} * ... * f_t * (i_p * g_p)        cell by cell

import { decode } from "../../vectors.js";

export const GATES = ["input_gate", "forget_gate", "output_gate"];
export const SHOWN = [...GATES, "cell_state"];

/**
 * Decode a response of /inspect: arrays of pieces x cells; `steps` are the pieces in reading order.
 *
 * @param answer The response, with its arrays in base64.
 */
export function traceOf(answer) {
  const [count, cells] = answer.shape;
  const arrays = Object.fromEntries(
    [...SHOWN, "candidate"].map((name) => [name, decode(answer[name])]),
  );
  const steps = [...Array(count).keys()];
  if (answer.direction === "backward") steps.reverse();
  return { pieces: answer.pieces, count, cells, steps, ...arrays };
}

export function valueAt(trace, name, piece, cell) {
  return trace[name][piece * trace.cells + cell];
}

/** The mean over all cells at a piece; of the cell state, the mean of the absolute values. */
export function meanAt(trace, name, piece) {
  const row = trace[name].subarray(piece * trace.cells, (piece + 1) * trace.cells);
  return row.reduce((sum, value) => sum + Math.abs(value), 0) / trace.cells;
}

/** The cells, sorted by how much their forget gate keeps in this text, the largest first. */
export function cellsByMemory(trace) {
  const sums = new Float64Array(trace.cells);
  trace.forget_gate.forEach((value, place) => (sums[place % trace.cells] += value));
  return [...sums.keys()].sort((one, other) => sums[other] - sums[one]);
}

/**
 * Compute what is left of what a piece wrote, at that piece and at each piece read after it.
 *
 * `kept` is the product of the forget gates since then, cell by cell. `share` is how much is left
 * of everything that was written, as sums of absolute values. `lasting` is the number of cells that
 * keep at least half.
 */
export function survival(trace, from) {
  const written = Float64Array.from({ length: trace.cells }, (_, cell) =>
    Math.abs(valueAt(trace, "input_gate", from, cell) * valueAt(trace, "candidate", from, cell)),
  );
  const all = written.reduce((sum, value) => sum + value, 0);
  let kept = new Float64Array(trace.cells).fill(1);
  return trace.steps.slice(trace.steps.indexOf(from)).map((piece) => {
    if (piece !== from)
      kept = kept.map((value, cell) => value * valueAt(trace, "forget_gate", piece, cell));
    const left = kept.reduce((sum, value, cell) => sum + value * written[cell], 0);
    return { piece, kept, share: left / all, lasting: kept.filter((value) => value >= 0.5).length };
  });
}
