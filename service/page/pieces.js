// Format pieces and probabilities for people.

const SPACE = "▁"; // stands for a space in the vocabulary

/** The characters that a piece of the vocabulary stands for. */
export function textOf(piece) {
  return piece.replaceAll(SPACE, " ");
}

/** 0.1234 -> "12 %", 0.01234 -> "1.2 %", 0.0000123 -> "0.0012 %": two significant digits. */
export function percent(share) {
  const value = 100 * share;
  if (value >= 9.95 || value === 0) return `${value.toFixed(0)} %`;
  const digits = Math.min(1 - Math.floor(Math.log10(value)), 12);
  return `${value.toFixed(digits)} %`;
}
