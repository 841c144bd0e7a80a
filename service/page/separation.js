// How well numbers tell groups apart, measured on what is on the screen.

/**
 * Mean cosine inside groups, across groups, and how often a pair inside is above a pair across.
 *
 * `ranking` is the area under the ROC curve: 1 where each pair inside a group is more alike than
 * each pair across, 0.5 by chance.
 *
 * @returns null where there is no pair inside a group or none across.
 */
export function separation(cosines, groups) {
  const inside = [];
  const across = [];
  for (let one = 0; one < groups.length; one += 1) {
    for (let other = one + 1; other < groups.length; other += 1) {
      (groups[one] === groups[other] ? inside : across).push(cosines[one][other]);
    }
  }
  if (!inside.length || !across.length) return null;
  let above = 0;
  for (const alike of inside)
    for (const unlike of across) above += alike > unlike ? 1 : alike === unlike ? 0.5 : 0;
  return {
    inside: mean(inside),
    across: mean(across),
    ranking: above / (inside.length * across.length),
  };
}

function mean(numbers) {
  return numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
}
