// The view Map: many occurrences of a word in two dimensions, coloured by cluster.

import { desk } from "../desk.js";
import { h } from "../dom.js";
import { typed } from "../examples.js";
import { askForOccurrences } from "../question.js";
import { codePoints } from "../text.js";
import words from "../words/map.js";
import { picture, rowsOf } from "./map/picture.js";
import { scatter } from "./map/scatter.js";

export { words };
export const styles = "views/map.css";

const MAX_OCCURRENCES = 200; // a browser still projects this many in a moment
const FEWEST = 3;
const MOST_CLUSTERS = 6; // the number of colours

export async function mount(host, context) {
  const { t, memory: state, notice } = context;
  state.center = true;

  const list = h("div", {
    class: "clusters",
    role: "region", // the tab key must reach an element that scrolls
    tabindex: "0",
    "aria-label": t("writer.sentences"),
  });
  const figure = h("div", { class: "figure" });
  const { form, panel, refresh } = desk(host, context, {
    list,
    action: t("draw"),
    fill: (example) => typed(example),
    found: figure,
    onAsk: () => ask(),
  });

  async function ask() {
    refresh();
    const found = await notice.attempt(() => askForOccurrences(context, state, MAX_OCCURRENCES));
    if (!found) return;
    const senses = new Set(found.groups).size;
    state.count = Math.min(MOST_CLUSTERS, Math.max(2, senses));
    state.kind = String(
      found.facts.features.context
        ? found.facts.model.num_layers + 1
        : found.facts.model.num_layers,
    );
    state.found = found;
    show();
  }

  function show() {
    const { found } = state;
    form.open(!found.layers);
    if (found.message) notice.say(t(...found.message));
    if (found.layers) panel.show("/embed", found.body, found.answer);
    const count = found.layers?.[0].length ?? 0;
    if (found.layers && count < FEWEST) notice.say(t("few", { count }));
    list.replaceChildren();
    figure.replaceChildren();
    if (count >= FEWEST) draw({ t, state, list, figure });
  }

  if (state.found) show();
  else await ask();
}

/** Draw the plane, its controls, its legend and the sentences by cluster, without a request. */
function draw({ t, state, list, figure }) {
  const { found } = state;
  const shown = picture(rowsOf(found, state.kind), found.groups, state.count);
  const items = found.groups.map((_, index) => h("li", {}, sentence(found, index)));
  const again = () => draw({ t, state, list, figure });
  const chart = scatter({
    dots: shown.points.map(([x, y], index) => ({
      x,
      y,
      cluster: shown.of[index],
      shape: found.groups[index],
      label: t("dot", {
        sentence: found.lines[found.lineOf[index]].text,
        cluster: shown.of[index] + 1,
      }),
      sentence: () => sentence(found, index),
    })),
    centres: shown.centres,
    title: t("chart", { count: items.length, word: found.word }),
    onPoint: (index) =>
      items.forEach((item, other) => item.classList.toggle("pointed", other === index)),
  });
  items.forEach((item, index) => {
    item.addEventListener("pointerenter", () => chart.point(index));
    item.addEventListener("pointerleave", () => chart.point());
  });
  list.replaceChildren(...byCluster(t, shown, items));
  const focused = figure.contains(document.activeElement) ? document.activeElement.id : null;
  figure.replaceChildren(
    controls(t, state, again),
    chart.element,
    legend(t, found, shown, state.count),
  );
  if (focused) document.getElementById(focused)?.focus(); // redrawing removed the focused control
}

/** Return the sentence of an occurrence, with the word marked in it. */
function sentence(found, index) {
  const points = codePoints(found.lines[found.lineOf[index]].text);
  const [begin, end] = found.markOf[index];
  const part = (from, to) => points.slice(from, to).join("");
  return h("span", { lang: "zh-Hans" }, part(0, begin), h("mark", {}, part(begin, end)), part(end));
}

function byCluster(t, shown, items) {
  return shown.centres.map((_, cluster) => {
    const own = items.filter((_, index) => shown.of[index] === cluster);
    const title = h(
      "h3",
      {},
      t("cluster", { number: cluster + 1 }),
      " ",
      h("span", {}, own.length),
    );
    return h("section", { class: `cluster-${cluster}` }, title, h("ul", {}, own));
  });
}

function controls(t, state, onChange) {
  const { facts, layers } = state.found;
  const depth = facts.model.num_layers + 1;
  const kinds = layers.map((_, layer) => [
    String(layer),
    layer === depth ? t("context") : t("layer", { number: layer }),
  ]);
  kinds.push(["mix", t("mix")]);
  const counts = Array.from({ length: MOST_CLUSTERS - 1 }, (_, index) => [
    String(index + 2),
    String(index + 2),
  ]);
  return h(
    "div",
    { class: "row controls" },
    chooser("kind", t("by"), kinds, state.kind, (value) => ((state.kind = value), onChange())),
    chooser(
      "count",
      t("clusters"),
      counts,
      String(state.count),
      (value) => ((state.count = Number(value)), onChange()),
    ),
  );
}

function chooser(id, label, options, chosen, onChange) {
  const select = h(
    "select",
    { id },
    options.map(([value, text]) => h("option", { value, selected: value === chosen }, text)),
  );
  select.addEventListener("change", () => onChange(select.value));
  return [h("label", { for: id }, label), select];
}

function legend(t, found, { shares, right, isFlat }, count) {
  const percent = (share) => `${Math.round(100 * share)} %`;
  const texts = [
    t("legend.colour", { count, dim: found.facts.model.dim }),
    right === null || isFlat ? null : t("legend.shape", { right, all: found.groups.length }),
    isFlat
      ? t("same")
      : t("legend.axes", { first: percent(shares[0]), second: percent(shares[1]) }),
  ];
  return h(
    "div",
    { class: "legend" },
    texts.filter(Boolean).map((text) => h("p", { class: "hint" }, text)),
  );
}
