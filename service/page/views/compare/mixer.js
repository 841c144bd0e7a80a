// The sliders of a mix (s0 … sL and gamma), and buttons for the named mixes of the service.

import { h } from "../../dom.js";

const REACH = 2; // a slider goes from -2 to 2, or further if a named mix does
const STEP = 0.01;

/**
 * Return {element, mix: {weights, gamma}, tell(length)}.
 *
 * @param mixes     The mixes of GET /info: {weights, gamma} by name.
 * @param mix       The mix to begin with; it is changed in place.
 * @param onChange  Called whenever a slider has moved.
 */
export function mixer({ t, mixes, mix, onChange }) {
  const reach = Math.max(
    REACH,
    ...Object.values(mixes).flatMap(({ weights, gamma }) => [...weights, gamma].map(Math.abs)),
  );
  const sliders = mix.weights.map((_, index) =>
    slider(
      {
        name: ["s", h("sub", {}, index)],
        label: t("weight", { number: index }),
        min: -reach,
        max: reach,
      },
      (value) => {
        mix.weights[index] = value;
        changed();
      },
    ),
  );
  const scale = slider({ name: ["γ"], label: t("gamma"), min: 0, max: reach }, (value) => {
    mix.gamma = value;
    changed();
  });
  const names = h("div", { class: "row", role: "group", "aria-label": t("mixes") });
  const length = h("p", { class: "hint" });

  function changed() {
    mark();
    onChange();
  }

  function mark() {
    for (const button of names.children)
      button.setAttribute("aria-pressed", String(same(mixes[button.dataset.mix], mix)));
  }

  function show() {
    sliders.forEach((one, index) => one.set(mix.weights[index]));
    scale.set(mix.gamma);
    mark();
  }

  for (const [name, { weights, gamma }] of Object.entries(mixes)) {
    const take = () => {
      mix.weights.splice(0, mix.weights.length, ...weights);
      mix.gamma = gamma;
      show();
      onChange();
    };
    names.append(h("button", { type: "button", "data-mix": name, on: { click: take } }, name));
  }
  show();
  const element = h(
    "div",
    { class: "mixer" },
    length,
    names,
    sliders.map((one) => one.element),
    scale.element,
  );
  return {
    element,
    mix,
    tell: (mean) => (length.textContent = t("length", { length: mean.toFixed(2) })),
  };
}

function same(one, other) {
  return (
    one.gamma === other.gamma &&
    one.weights.every((weight, index) => Math.abs(weight - other.weights[index]) < STEP / 2)
  );
}

function slider({ name, label, min, max }, onInput) {
  const range = h("input", { type: "range", min, max, step: STEP, "aria-label": label });
  const number = h("output", {});
  const tell = () => (number.textContent = Number(range.value).toFixed(2).replace("-", "−"));
  range.addEventListener("input", () => {
    tell();
    onInput(Number(range.value));
  });
  return {
    element: h(
      "div",
      { class: "slider" },
      h("span", { "aria-hidden": "true" }, name),
      range,
      number,
    ),
    set(value) {
      range.value = value;
      tell();
    },
  };
}
