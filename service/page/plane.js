// Principal components: project vectors onto the two directions in which they differ most.
//
// Hotelling 1933, computed from the Gram matrix, because there are fewer rows than dimensions. If X
// is the rows minus their mean, X Xᵀ = U Λ Uᵀ, and the coordinates of the rows are U Λ^½.

import { dot } from "./vectors.js";

/** Rotations end once no off-diagonal number exceeds this share of the largest diagonal number. */
const PRECISION = 1e-12;
const MAX_SWEEPS = 60; // about ten are needed; with NaN in the matrix it would never end

/**
 * Return {points: [[x, y], …], shares: [of x, of y]}.
 *
 * `shares` is how much of the whole variance each direction shows, between 0 and 1. The sign of a
 * direction is arbitrary; it is chosen so that the row farthest out is on the positive side.
 */
export function plane(rows) {
  const { values, vectors } = eigen(gram(centred(rows)));
  const total = values.reduce((sum, value) => sum + Math.max(0, value), 0);
  const axes = [0, 1].map((axis) => {
    const scale = Math.sqrt(Math.max(0, values[axis] ?? 0));
    return upright(rows.map((_, row) => scale * (vectors[row][axis] ?? 0)));
  });
  return {
    points: rows.map((_, row) => [axes[0][row], axes[1][row]]),
    shares: [0, 1].map((axis) => (total > 0 ? Math.max(0, values[axis] ?? 0) / total : 0)),
  };
}

function centred(rows) {
  const mean = new Float64Array(rows[0].length);
  for (const row of rows) row.forEach((value, axis) => (mean[axis] += value / rows.length));
  return rows.map((row) => Float64Array.from(row, (value, axis) => value - mean[axis]));
}

function gram(rows) {
  return rows.map((one) => rows.map((other) => dot(one, other)));
}

function upright(coordinates) {
  const farthest = coordinates.reduce(
    (best, value) => (Math.abs(value) > Math.abs(best) ? value : best),
    0,
  );
  return farthest < 0 ? coordinates.map((value) => -value) : coordinates;
}

/**
 * Return the eigenvalues of a symmetric matrix, the largest first, and the eigenvectors as columns.
 *
 * It uses Jacobi's rotations (Golub and Van Loan, "Matrix Computations", section 8.5), which are
 * slow for thousands of rows, but exact for hundreds.
 */
export function eigen(symmetric) {
  const a = symmetric.map((row) => Float64Array.from(row));
  const v = a.map((_, row) => Float64Array.from(a, (__, column) => Number(row === column)));
  const enough =
    PRECISION * a.reduce((most, row, index) => Math.max(most, Math.abs(row[index])), 0);
  for (let sweep = 0; sweep < MAX_SWEEPS && largestBeside(a) > enough; sweep += 1) {
    for (let p = 0; p < a.length; p += 1)
      for (let q = p + 1; q < a.length; q += 1) rotate(a, v, p, q);
  }
  const order = a.map((_, index) => index).sort((one, other) => a[other][other] - a[one][one]);
  return {
    values: order.map((index) => a[index][index]),
    vectors: v.map((row) => order.map((index) => row[index])),
  };
}

function largestBeside(a) {
  let largest = 0;
  a.forEach((row, p) =>
    row.forEach((value, q) => (largest = p === q ? largest : Math.max(largest, Math.abs(value)))),
  );
  return largest;
}

/** Rotate the plane of p and q so that a[p][q] becomes 0. */
function rotate(a, v, p, q) {
  if (a[p][q] === 0) return;
  const tau = (a[q][q] - a[p][p]) / (2 * a[p][q]);
  const tangent = (tau >= 0 ? 1 : -1) / (Math.abs(tau) + Math.hypot(1, tau));
  const cosine = 1 / Math.hypot(1, tangent);
  const sine = tangent * cosine;
  for (let k = 0; k < a.length; k += 1) turn(a[k], p, q, cosine, sine);
  for (let k = 0; k < a.length; k += 1) {
    const [one, other] = [a[p][k], a[q][k]];
    a[p][k] = cosine * one - sine * other;
    a[q][k] = sine * one + cosine * other;
  }
  for (let k = 0; k < a.length; k += 1) turn(v[k], p, q, cosine, sine);
}

function turn(row, p, q, cosine, sine) {
  const [one, other] = [row[p], row[q]];
  row[p] = cosine * one - sine * other;
  row[q] = sine * one + cosine * other;
}
