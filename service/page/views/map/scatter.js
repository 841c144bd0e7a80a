// The dots of the map, and the sentence of the dot that is pointed at.

import { h, svg } from "../../dom.js";

const MARGIN = 26;
const TALLEST = 560;
const RADIUS = 6.5;
const REACH = 13; // a dot is pointed at from within this many pixels
const SHAPES = [
  (r) => `M${-r},0a${r},${r} 0 1,0 ${2 * r},0a${r},${r} 0 1,0 ${-2 * r},0`,
  (r) => `M${-r * 0.9},${-r * 0.9}h${r * 1.8}v${r * 1.8}h${-r * 1.8}z`,
  (r) => `M0,${-r * 1.2}L${r * 1.15},${r * 0.85}H${-r * 1.15}z`,
  (r) => `M0,${-r * 1.3}L${r * 1.3},0L0,${r * 1.3}L${-r * 1.3},0z`,
];

/**
 * Return {element, point(index)}: a drawing that fits its size, and is redrawn when that changes.
 *
 * @param dots     {x, y, cluster, shape, label, sentence}: `sentence` returns an element to read.
 * @param centres  [x, y] of each cluster, by its number; a thin line joins each dot to its centre.
 * @param title    The name of the drawing for a screen reader.
 * @param onPoint  Called with the number of the dot that is pointed at, with nothing afterwards.
 */
export function scatter({ dots, centres, title, onPoint }) {
  const drawing = svg("svg", { role: "group", "aria-label": title });
  const tip = h("div", { class: "tip", hidden: true });
  const element = h("div", { class: "scatter" }, drawing, tip);
  const marks = dots.map((dot, index) => mark(dot, index));
  const threads = dots.map((dot) => svg("line", { class: `thread cluster-${dot.cluster}` }));
  drawing.append(...threads, ...marks);
  let places = [];
  let reached = 0; // the only dot at which the tab key stops
  let hovered; // the dot under the pointer
  drawing.addEventListener("pointermove", (event) => hover(nearest(event)));
  drawing.addEventListener("pointerleave", () => hover());
  drawing.addEventListener("click", (event) => point(nearest(event)));

  function mark({ cluster, shape, label }, index) {
    const outline = SHAPES[shape % SHAPES.length](RADIUS);
    const dot = svg(
      "g",
      {
        class: `dot cluster-${cluster}`,
        tabindex: index === 0 ? "0" : "-1",
        role: "img",
        "aria-label": label,
      },
      svg("circle", { class: "ring", r: REACH }),
      svg("path", { d: outline }),
    );
    dot.addEventListener("focus", () => point(index));
    dot.addEventListener("blur", () => point());
    dot.addEventListener("keydown", (event) => walk(event, index));
    return dot;
  }

  /** The number of the dot nearest to the pointer; if dots overlap, it is the one that is meant. */
  function nearest({ clientX, clientY }) {
    const { left, top } = drawing.getBoundingClientRect();
    const distances = places.map(([x, y]) => Math.hypot(clientX - left - x, clientY - top - y));
    const least = Math.min(...distances);
    return least <= REACH ? distances.indexOf(least) : undefined;
  }

  function hover(index) {
    if (index !== hovered) point(index);
    hovered = index;
  }

  function point(index) {
    marks.forEach((dot, other) => dot.classList.toggle("pointed", other === index));
    tip.hidden = index === undefined;
    if (index !== undefined) {
      tip.replaceChildren(dots[index].sentence());
      putTip(places[index]);
    }
    onPoint(index);
  }

  function putTip([x, y]) {
    const half = tip.offsetWidth / 2;
    const left = Math.min(Math.max(x, half), element.clientWidth - half);
    const isAbove = y > tip.offsetHeight + 24;
    tip.style.left = `${left - half}px`;
    tip.style.top = `${isAbove ? y - tip.offsetHeight - 14 : y + 16}px`;
  }

  function walk(event, index) {
    const step = STEPS[event.key];
    if (!step) return;
    event.preventDefault();
    const next = neighbour(places, index, step);
    if (next === undefined) return;
    marks[reached].setAttribute("tabindex", "-1");
    reached = next;
    marks[next].setAttribute("tabindex", "0");
    marks[next].focus();
  }

  function draw() {
    const width = element.clientWidth;
    if (!width) return;
    const height = Math.min(TALLEST, Math.max(300, width * 0.68));
    drawing.setAttribute("viewBox", `0 0 ${width} ${height}`);
    drawing.setAttribute("height", height);
    const put = fitted([...dots.map(({ x, y }) => [x, y]), ...centres], width, height);
    places = put.slice(0, dots.length);
    const middles = put.slice(dots.length);
    marks.forEach((dot, index) =>
      dot.setAttribute("transform", `translate(${places[index].join(",")})`),
    );
    threads.forEach((thread, index) => {
      const [[x1, y1], [x2, y2]] = [places[index], middles[dots[index].cluster]];
      for (const [name, value] of Object.entries({ x1, y1, x2, y2 }))
        thread.setAttribute(name, value);
    });
  }

  const watch = new ResizeObserver(() => (element.isConnected ? draw() : watch.disconnect()));
  watch.observe(element);
  return { element, point };
}

/** Turn points into pixels, on one scale for both directions, so that distances can be compared. */
function fitted(points, width, height) {
  const [left, right, bottom, top] = [0, 0, 1, 1].map((axis, side) =>
    Math[side % 2 ? "max" : "min"](...points.map((point) => point[axis])),
  );
  const scale = Math.min(
    (width - 2 * MARGIN) / (right - left || 1),
    (height - 2 * MARGIN) / (top - bottom || 1),
  );
  return points.map(([x, y]) => [
    width / 2 + scale * (x - (left + right) / 2),
    height / 2 - scale * (y - (bottom + top) / 2),
  ]);
}

const STEPS = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };

/** The nearest place in a direction; places off to the side count as farther. */
function neighbour(places, from, [stepX, stepY]) {
  let found;
  let least = Infinity;
  places.forEach(([x, y], index) => {
    const [dx, dy] = [x - places[from][0], y - places[from][1]];
    const ahead = dx * stepX + dy * stepY;
    const cost = ahead + 2 * Math.abs(dx * stepY + dy * stepX);
    if (index !== from && ahead > 0 && cost < least) [found, least] = [index, cost];
  });
  return found;
}
