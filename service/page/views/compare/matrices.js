// The matrices of Compare: one for each layer, the context and the mix, and how each separates.

import { h } from "../../dom.js";
import { matrix, shown } from "../../matrix.js";
import { separation } from "../../separation.js";
import { cosines, length, mixed } from "../../vectors.js";
import { mixer } from "./mixer.js";

const SIDE_BY_SIDE = 12; // with more occurrences, a matrix gets the whole width

/**
 * Return the elements to show. Sliders redraw the mix without a new request.
 *
 * @param found     The result of askForOccurrences, with layers.
 * @param state     Keeps `mix` and `center`.
 * @param onPoint   Called with the places, in the list of lines, of the two that a cell compares.
 * @param onCenter  Called when the visitor switches between centred and raw vectors.
 */
export function matrices({ t, found, state, onPoint, onCenter }) {
  const depth = found.facts.model.num_layers + 1;
  const { mixes } = found.facts;
  if (state.mix?.weights.length !== depth)
    state.mix = { weights: [...mixes.default.weights], gamma: mixes.default.gamma };
  const numbered = found.layers.slice(0, depth);
  const panels = found.layers.map((rows, layer) =>
    panel({ t, found, onPoint, ...named(t, layer, depth) }, cosines(rows)),
  );
  const mix = panel({ t, found, onPoint, title: t("mix"), note: t("mix.note") });
  const legend = h("p", { class: "hint" });

  const sliders = mixer({ t, mixes, mix: state.mix, onChange: remix });
  function remix() {
    const rows = mixed(numbered, state.mix.weights, state.mix.gamma);
    mix.draw(cosines(rows));
    sliders.tell(rows.reduce((sum, row) => sum + length(row), 0) / rows.length);
    legend.textContent = measured(t, [...panels, mix]);
  }
  remix();

  return [
    ...panels.slice(depth).map(({ element }) => element), // first the context, which says most
    mix.element,
    h(
      "section",
      { class: "panel" },
      h("h2", {}, t("mixer")),
      sliders.element,
      centring(t, state, onCenter),
    ),
    ...panels.slice(0, depth).map(({ element }) => element),
    h("div", { class: "legend" }, scale(), h("p", { class: "hint" }, t("legend")), legend),
  ];
}

function named(t, layer, depth) {
  if (layer === depth) return { title: t("context"), note: t("context.note") };
  return {
    title: t("layer", { number: layer }),
    note: t(layer ? "layer.n" : "layer.0", { number: layer }),
  };
}

/** Return a matrix with its name above it, and below it the means inside and across the senses. */
function panel({ t, found, onPoint, title, note }, values) {
  const labels = found.groups.map((_, index) => String(index + 1));
  const describe = (row, column, number) => t("cell", { number, row: row + 1, column: column + 1 });
  const point = (...pair) => onPoint(...pair.map((index) => found.lineOf[index]));
  const table = matrix({
    title,
    labels,
    groups: found.groups.map((group) => group % 6),
    describe,
    onPoint: point,
  });
  const badge = h("span", { class: "badge", hidden: true }, t("best"));
  const figures = h("p", { class: "figures" });
  const scroll = h("div", { class: "scroll" }, table.element);
  const element = h(
    "section",
    { class: "panel" },
    h("h2", {}, title, badge),
    h("p", { class: "hint" }, note),
    scroll,
    figures,
  );
  element.classList.toggle("many", labels.length > SIDE_BY_SIDE);
  element.style.setProperty("--count", labels.length);
  const self = { element, title, badge, draw };

  function draw(numbers) {
    table.draw(numbers);
    self.separation = separation(numbers, found.groups);
    figures.replaceChildren();
    if (!self.separation) return;
    const { inside, across } = self.separation;
    figures.append(
      h("span", {}, t("inside", { inside: shown(inside) })),
      " ",
      h("span", {}, t("across", { across: shown(across) })),
    );
  }

  if (values) draw(values);
  return self;
}

/** Mark the matrix that separates the senses best, and return a sentence that says how well. */
function measured(t, panels) {
  const able = panels.filter((one) => one.separation);
  if (!able.length) return t("legend.one");
  const gap = ({ separation: { inside, across } }) => inside - across;
  const [best] = [...able].sort(
    (one, other) => other.separation.ranking - one.separation.ranking || gap(other) - gap(one),
  );
  for (const one of panels) one.badge.hidden = one !== best;
  return t("legend.best", {
    ranking: `${Math.round(100 * best.separation.ranking)} %`,
    name: best.title,
  });
}

function centring(t, state, onCenter) {
  const box = h("input", { type: "checkbox", id: "center", "aria-describedby": "center-hint" });
  box.checked = state.center;
  box.addEventListener("change", () => {
    state.center = box.checked;
    onCenter();
  });
  const hint = h("span", { class: "hint", id: "center-hint" }, t("center.hint"));
  return h("div", { class: "centring" }, box, h("label", { for: "center" }, t("center")), hint);
}

function scale() {
  return h(
    "div",
    { class: "scale", "aria-hidden": "true" },
    h("span", {}, "−1"),
    h("span", { class: "bar" }),
    h("span", {}, "1"),
  );
}
