// The parts of a card as tables and lists; each function returns a list that is empty where the card
// has nothing of it.

import { h } from "../../dom.js";
import { percent, textOf } from "../../pieces.js";

// The most sources that stand there at once; the others are a click away.
const MAX_SOURCES = 8;
const SIDES = ["forward", "backward"];

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
export function bits({ t, number }, evaluation) {
  const { all, ...others } = evaluation.held_out ?? {};
  if (!all) return [];
  const compared = ["before", "beside"].filter((key) => evaluation[key]);
  const rows = [
    [t("bits.this"), ...bitsOf(all)],
    ...compared.map((key) => [
      t(`bits.${key}`, { id: evaluation[key].id }),
      ...bitsOf(evaluation[key].held_out.all),
    ]),
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

function bitsOf(row) {
  return SIDES.map((side) => row[`${side}_bits_per_character`].toFixed(2));
}

function blanksLine(t, number, fill) {
  if (!fill?.places) return null;
  const { accuracy_at_1: first, accuracy_at_10: ten } = fill.cloze;
  const told = { first: percent(first), ten: percent(ten), places: number(fill.places) };
  return h("p", {}, t("bits.blanks", told));
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

/** Words, each with those beside it. */
export function byTwo(entries) {
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
