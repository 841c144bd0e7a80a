// Vectors of a word -> what the map shows of them: places, clusters, and how much is not shown.

import { agreement, clusters } from "../../clusters.js";
import { plane } from "../../plane.js";
import { length, mixed } from "../../vectors.js";

const MOST_SENSES = 6; // more are not matched with clusters: every way is tried
const FLAT = 1e-4; // of unit vectors: what float16 leaves of equal ones

/** The rows of one kind: "mix", or a number among the layers that came. */
export function rowsOf(found, kind) {
  if (kind !== "mix") return found.layers[Number(kind)];
  const { weights, gamma } = found.facts.mixes.default;
  return mixed(found.layers.slice(0, weights.length), weights, gamma);
}

/**
 * {points, shares, of, centres, right, isFlat}.
 *
 * `of` is the cluster of each row, `centres` their middles on the plane; `right` how many rows lie
 * in the cluster of their group, null where there are no groups to compare with.
 */
export function picture(rows, groups, count) {
  const units = rows.map(unit);
  const { points, shares } = plane(units);
  const { of } = clusters(units, count);
  const kinds = new Set(groups).size;
  return {
    points,
    shares,
    of,
    centres: Array.from({ length: new Set(of).size }, (_, cluster) =>
      middle(points.filter((_, row) => of[row] === cluster)),
    ),
    right: kinds > 1 && kinds <= MOST_SENSES ? agreement(of, groups) : null,
    isFlat: points.every(([x, y]) => Math.hypot(x, y) < FLAT),
  };
}

function unit(row) {
  const size = length(row);
  return size ? row.map((value) => value / size) : row;
}

function middle(points) {
  return [0, 1].map((axis) => points.reduce((sum, point) => sum + point[axis], 0) / points.length);
}
