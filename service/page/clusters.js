// k-means, which groups vectors that are near one another. Equal vectors always give equal groups.
//
// Lloyd 1982; the seeds are those of Arthur and Vassilvitskii 2007, "k-means++". Of several starts,
// the one with the least spread is kept.

const STARTS = 12;
const MAX_ROUNDS = 100; // a dozen is usual; each round lowers the spread, so they come to an end
const SEED = 1;

/**
 * Return {of: [group of each row], centres, spread}; groups are numbered in the order of the rows.
 *
 * `spread` is the sum of the squared distances of the rows to the centres of their groups.
 */
export function clusters(rows, count) {
  const random = randomNumbers(SEED);
  const wanted = Math.min(count, rows.length);
  let best = null;
  for (let start = 0; start < STARTS; start += 1) {
    const found = settled(rows, seeds(rows, wanted, random));
    if (!best || found.spread < best.spread) best = found;
  }
  return numbered(best);
}

/** Draw centres: the first one at random, and far rows more probably than near ones after that. */
function seeds(rows, count, random) {
  const chosen = [rows[Math.floor(random() * rows.length)]];
  while (chosen.length < count) {
    const distances = rows.map((row) => nearest(row, chosen).distance);
    let left = random() * distances.reduce((sum, distance) => sum + distance, 0);
    const index = distances.findIndex((distance) => (left -= distance) < 0);
    chosen.push(rows[Math.max(0, index)]);
  }
  return chosen;
}

function settled(rows, centres) {
  let of = [];
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const next = rows.map((row) => nearest(row, centres).index);
    if (next.every((group, row) => group === of[row])) break;
    of = next;
    centres = centres.map(
      (centre, group) => mean(rows.filter((_, row) => of[row] === group)) ?? centre,
    );
  }
  const spread = rows.reduce(
    (sum, row, index) => sum + squaredDistance(row, centres[of[index]]),
    0,
  );
  return { of, centres, spread };
}

function nearest(row, centres) {
  let found = { index: 0, distance: Infinity };
  centres.forEach((centre, index) => {
    const distance = squaredDistance(row, centre);
    if (distance < found.distance) found = { index, distance };
  });
  return found;
}

function squaredDistance(one, other) {
  let sum = 0;
  for (let axis = 0; axis < one.length; axis += 1) sum += (one[axis] - other[axis]) ** 2;
  return sum;
}

function mean(rows) {
  if (!rows.length) return null;
  const sum = new Float64Array(rows[0].length);
  for (const row of rows) row.forEach((value, axis) => (sum[axis] += value / rows.length));
  return sum;
}

/** Number the groups by their first rows, so that colours do not depend on the random start. */
function numbered({ of, centres, spread }) {
  const order = [...new Set(of)];
  return {
    of: of.map((group) => order.indexOf(group)),
    centres: order.map((group) => centres[group]),
    spread,
  };
}

/** Random numbers in [0, 1) from a seed: mulberry32 by Tommy Ettinger, in the public domain. */
function randomNumbers(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let bits = Math.imul(state ^ (state >>> 15), 1 | state);
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * Count the rows that lie in the cluster of their group, with at most one group per cluster.
 *
 * The best assignment of clusters to groups is found by trying them all, because there are few.
 */
export function agreement(found, groups) {
  const kinds = [...new Set(groups)];
  const counts = kinds.map((kind) => {
    const row = [];
    groups.forEach(
      (group, index) => group === kind && (row[found[index]] = (row[found[index]] ?? 0) + 1),
    );
    return row;
  });
  const free = [...new Set(found)];
  const best = (index, left) =>
    index === counts.length
      ? 0
      : Math.max(
          best(index + 1, left),
          ...left.map(
            (cluster) =>
              (counts[index][cluster] ?? 0) +
              best(
                index + 1,
                left.filter((other) => other !== cluster),
              ),
          ),
        );
  return best(0, free);
}
