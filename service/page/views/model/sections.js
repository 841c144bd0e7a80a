// The parts of a card as tables and lists. Each function returns a list of elements, which is empty
// if the card does not have that part.

import { h } from "../../dom.js";
import { percent, textOf } from "../../pieces.js";

// At most this many sources are shown at once; a click shows the others.
const MAX_SOURCES = 8;
const SIDES = ["forward", "backward"];
// The languages of a card, by the key of their names on the page.
const LANGUAGES = { "bits.chinese": "Chinese", "bits.other": "other languages" };

/** The sizes of the model, as names and numbers. */
export function sizes({ t, number }, model) {
  const rows = [
    [t("sizes.id"), model.id],
    [t("sizes.revision"), h("code", {}, model.revision)],
    [t("sizes.layers"), number(model.num_layers)],
    [t("sizes.dim"), number(model.dim)],
    [t("sizes.pieces"), number(model.num_pieces)],
  ];
  return [
    h(
      "dl",
      {},
      rows.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]),
    ),
  ];
}

/** Bits per character of held-out text: this model, those it is compared with, and each source. */
export function bits({ t, number }, evaluation, data) {
  const { all, ...others } = evaluation.held_out ?? {};
  if (!all) return [];
  const compared = ["before", "beside"].filter((key) => evaluation[key]);
  const rows = [
    ...rowsOf(t, t("bits.this"), evaluation, languagesOf(evaluation, data)),
    ...compared.flatMap((key) => {
      const other = evaluation[key];
      return rowsOf(t, t(`bits.${key}`, { id: other.id }), other, languagesOf(other, data));
    }),
  ];
  const frequencies = evaluation.frequencies_bits_per_character;
  if (frequencies) rows.push([t("bits.frequencies"), frequencies.toFixed(2), ""]);
  const head = [t("bits.of"), t("bits.forward"), t("bits.backward")];
  const bySource = Object.entries(others)
    .sort(([, one], [, other]) => other.characters - one.characters)
    .map(([name, row]) => [name, ...bitsOf(row), number(row.characters)]);
  return [
    table(head, rows),
    blanksLine(t, number, evaluation.fill),
    bySource.length > 1 &&
      h(
        "details",
        {},
        h("summary", {}, t("bits.sources", { count: bySource.length })),
        table([t("source"), ...head.slice(1), t("characters")], bySource),
      ),
  ].filter(Boolean);
}

/** The rows of one model: Chinese first, then other languages, then all text. */
function rowsOf(t, whose, evaluation, languages) {
  const rows = languages.map(([key, row]) => [`${whose} · ${t(key)}`, ...bitsOf(row)]);
  if (languages.length === 1) return rows;
  const name = languages.length ? `${whose} · ${t("bits.all")}` : whose;
  return [...rows, [name, ...bitsOf(evaluation.held_out.all)]];
}

/**
 * The figures of each language as [key of its name, figures]. Older cards have only those of each
 * source, which can be added up if the card has the number of Han characters of every source.
 */
function languagesOf({ languages, held_out: heldOut }, data) {
  if (languages) {
    return Object.entries(LANGUAGES)
      .filter(([, name]) => languages[name])
      .map(([key, name]) => [key, languages[name]]);
  }
  const han = Object.fromEntries(
    (data.sources ?? []).map((one) => [one.source, one.han_characters]),
  );
  const { all, ...sources } = heldOut;
  const names = Object.keys(sources);
  if (!names.length || names.some((name) => han[name] === undefined)) return [];
  const groups = [names.filter((name) => han[name] > 0), names.filter((name) => !han[name])];
  return Object.keys(LANGUAGES)
    .map((key, group) => [key, together(groups[group].map((name) => sources[name]))])
    .filter(([, row]) => row.characters > 0);
}

/** The figures of several sources together. */
function together(rows) {
  const characters = rows.reduce((sum, row) => sum + row.characters, 0);
  const added = SIDES.map((side) => {
    const key = `${side}_bits_per_character`;
    return [key, rows.reduce((sum, row) => sum + row[key] * row.characters, 0) / characters];
  });
  return { characters, ...Object.fromEntries(added) };
}

function bitsOf(row) {
  return SIDES.map((side) => row[`${side}_bits_per_character`].toFixed(2));
}

function blanksLine(t, number, fill) {
  if (!fill?.places) return null;
  const { accuracy_at_1: first, accuracy_at_10: ten } = fill.cloze;
  const figures = { first: percent(first), ten: percent(ten), places: number(fill.places) };
  return h("p", {}, t("bits.blanks", figures));
}

/** The sources of the text, the largest first. */
export function sources({ t, number }, data) {
  if (!data.train_pieces) return [];
  const rows = [...(data.sources ?? [])]
    .sort((one, other) => (other.documents ?? 0) - (one.documents ?? 0))
    .map((one) => [one.source, number(one.documents ?? 0), one.licence ?? t("text.no_licence")]);
  const head = [t("source"), t("text.documents"), t("text.licence")];
  const rest = rows.slice(MAX_SOURCES);
  return [
    h(
      "p",
      {},
      t("text.pieces", { pieces: number(data.train_pieces), rows: number(data.train_rows) }),
    ),
    rows.length > 0 && table(head, rows.slice(0, MAX_SOURCES)),
    rest.length > 0 &&
      h("details", {}, h("summary", {}, t("text.more", { count: rest.length })), table(head, rest)),
  ].filter(Boolean);
}

/** Words, each with those that are expected in the most similar contexts. */
export function similarWords(entries) {
  if (!entries.length) return [];
  const rows = entries.flatMap(([word, others]) => [
    h("dt", {}, word),
    h("dd", {}, others.join("、")),
  ]);
  return [h("dl", { lang: "zh-Hans" }, rows)];
}

/** Texts with a blank, each with the best guesses from both sides. */
export function filled(blanks) {
  const rows = blanks.flatMap(([text, guesses]) => [
    h("dt", {}, text),
    h(
      "dd",
      {},
      guesses.map(({ piece, probability }) =>
        h("span", { class: "guess" }, textOf(piece), " ", h("small", {}, percent(probability))),
      ),
    ),
  ]);
  return [h("dl", { lang: "zh-Hans" }, rows)];
}

function table(head, rows) {
  const cell = (tag, scope) => (value) => h(tag, { scope }, value);
  return h(
    "div",
    { class: "scrolls", role: "region", tabindex: "0", "aria-label": head[0] },
    h(
      "table",
      {},
      h("thead", {}, h("tr", {}, head.map(cell("th", "col")))),
      h(
        "tbody",
        {},
        rows.map(([name, ...values]) =>
          h("tr", {}, cell("th", "row")(name), values.map(cell("td"))),
        ),
      ),
    ),
  );
}
