// How a model was trained: pieces, steps, hours, and the course of its loss.

import { h, svg } from "../../dom.js";

const WIDTH = 640;
const HEIGHT = 240;
const MARGIN = { left: 44, right: 12, top: 10, bottom: 30 }; // room for the figures at the axes
const SIDES = ["forward", "backward", "cloze"];

/** The facts of a training and the curve of its loss, as a list that is empty without them. */
export function curve({ t, number }, training) {
  if (!training.pieces_seen) return [];
  const facts = t("training.pieces", {
    pieces: number(training.pieces_seen),
    steps: number(training.steps),
  });
  const where =
    training.hours === undefined
      ? ""
      : t("training.hours", { hours: training.hours.toFixed(2), hardware: training.hardware });
  const points = training.curve ?? [];
  return [
    h("p", {}, facts, where),
    ...(points.length > 1 ? [drawing({ t, number }, points), legend(t, points)] : []),
  ];
}

function drawing({ t, number }, points) {
  const sides = sidesOf(points);
  const nats = points.flatMap((point) => sides.map((side) => point.nats[side]));
  const [least, most] = [Math.floor(Math.min(...nats)), Math.ceil(Math.max(...nats))];
  const last = points.at(-1).pieces;
  const x = (pieces) => MARGIN.left + (pieces / last) * (WIDTH - MARGIN.left - MARGIN.right);
  const y = (value) =>
    MARGIN.top + ((most - value) / (most - least)) * (HEIGHT - MARGIN.top - MARGIN.bottom);
  const line = (side) =>
    svg("polyline", {
      class: `side-${side}`,
      points: points.map((point) => `${x(point.pieces)},${y(point.nats[side])}`).join(" "),
    });
  const levels = [most, (most + least) / 2, least].map((value) => [
    svg("line", { x1: MARGIN.left, x2: WIDTH - MARGIN.right, y1: y(value), y2: y(value) }),
    svg("text", { x: MARGIN.left - 8, y: y(value) + 4, "text-anchor": "end" }, value),
  ]);
  return svg(
    "svg",
    { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": t("training.curve") },
    levels,
    sides.map(line),
    svg("text", { x: MARGIN.left, y: HEIGHT - 8 }, 0),
    svg(
      "text",
      { x: WIDTH - MARGIN.right, y: HEIGHT - 8, "text-anchor": "end" },
      t("training.axis", { pieces: number(last) }),
    ),
  );
}

/** The sides that every point of the curve has, which are those that were trained. */
function sidesOf(points) {
  return SIDES.filter((side) => points.every((point) => side in point.nats));
}

function legend(t, points) {
  return h(
    "p",
    { class: "hint key" },
    t("training.curve"),
    sidesOf(points).map((side) => h("span", { class: `side-${side}` }, t(side))),
  );
}
