// Places in a text, counted in code points as the service counts them.

// A character that the service reads as nothing, such as a joiner or a byte order mark. Those of
// white space are controls as well, and are read as a space.
const VANISHING = "(?:(?![\\s\\x85])[\\p{Default_Ignorable_Code_Point}\\p{Cf}\\p{Cc}]|\\ufeff)";
const UNDERSCORE = "[_＿︳︴﹍﹎﹏]";

/** The blank of a text: two or more underscores, as /fill finds them. */
export const BLANK = new RegExp(`${UNDERSCORE}(?:${VANISHING}*${UNDERSCORE})+`, "u");

const EMPTY = new RegExp(`^(?:[\\s\\x85]|${VANISHING})*$`, "u");

/** Whether a text has nothing to be seen: white space and characters without content alone. */
export function isEmpty(text) {
  return EMPTY.test(text);
}

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

/** The lines of a typed text, trimmed at both ends; a line with nothing begins another group. */
export function groupedLines(typed) {
  const lines = [];
  let group = 0;
  let isGap = false;
  for (const line of typed.split(/\r?\n/).map((one) => one.trim())) {
    if (isEmpty(line)) {
      isGap = lines.length > 0;
    } else {
      if (isGap) group += 1;
      isGap = false;
      lines.push({ text: line, group });
    }
  }
  return lines;
}
