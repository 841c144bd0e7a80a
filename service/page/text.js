// Places in a text, counted in code points as the service counts them.

/** The code points of a text: JavaScript's own length counts UTF-16 units. */
export function codePoints(text) {
  return Array.from(text);
}

/** The places of a word: half-open [begin, end), from left to right, without overlap. */
export function occurrences(text, word) {
  const places = [];
  if (!word) return places;
  const width = codePoints(word).length;
  let begin = 0; // in code points
  let unit = 0; // the same place in UTF-16 units
  for (let found = text.indexOf(word); found >= 0; found = text.indexOf(word, unit)) {
    begin += codePoints(text.slice(unit, found)).length;
    places.push([begin, begin + width]);
    begin += width;
    unit = found + word.length;
  }
  return places;
}

/** The lines of a typed text, trimmed at both ends; an empty line begins another group. */
export function groupedLines(typed) {
  const lines = [];
  let group = 0;
  let isGap = false;
  for (const line of typed.split(/\r?\n/).map((one) => one.trim())) {
    if (line === "") {
      isGap = lines.length > 0;
    } else {
      if (isGap) group += 1;
      isGap = false;
      lines.push({ text: line, group });
    }
  }
  return lines;
}
