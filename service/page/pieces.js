// Pieces and probabilities as a person reads them.

const SPACE = "▁"; // how the vocabulary writes one

/** A piece of the vocabulary -> the characters it stands for. */
export function textOf(piece) {
  return piece.replaceAll(SPACE, " ");
}

/** 0.1234 -> "12 %", 0.01234 -> "1.2 %", 0.0000123 -> "0.0012 %": two digits that count. */
export function percent(share) {
  const value = 100 * share;
  if (value >= 9.95 || value === 0) return `${value.toFixed(0)} %`;
  const digits = Math.min(1 - Math.floor(Math.log10(value)), 12);
  return `${value.toFixed(digits)} %`;
}
