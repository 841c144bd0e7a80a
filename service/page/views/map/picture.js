// Turn the vectors of a word into what the map shows: points, clusters, and the share of variance.

import { agreement, clusters } from "../../clusters.js";
import { plane } from "../../plane.js";
import { length, mixed } from "../../vectors.js";

// More senses than this are not matched with clusters, because every assignment is tried.
const MOST_SENSES = 6;
const FLAT = 1e-4; // equal unit vectors differ by up to about this much in float16

/** Return the rows of one kind: "mix", or an index into the layers of the response. */
export function rowsOf(found, kind) {
  if (kind !== "mix") return found.layers[Number(kind)];
  const { weights, gamma } = found.facts.mixes.default;
  return mixed(found.layers.slice(0, weights.length), weights, gamma);
}

/**
 * Return {points, shares, of, centres, right, isFlat}.
 *
 * `of` is the cluster of each row, and `centres` are the centres of the clusters on the plane.
 * `right` is the number of rows in the cluster of their group; null without groups to compare with.
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
