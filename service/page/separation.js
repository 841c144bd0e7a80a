// Measure how well cosines separate groups, from the numbers on the screen.

/**
 * Compute the mean cosine inside groups and across them, and how often a pair inside is larger.
 *
 * `ranking` is the area under the ROC curve: 1 if each pair inside a group is more similar than
 * each pair across groups, 0.5 by chance.
 *
 * @returns null if there is no pair inside a group, or no pair across groups.
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
