// A square matrix of cosines as a table, with a colour and a number in each cell.

import { h } from "./dom.js";

const MINUS = "−";
// Beyond these values light digits have more contrast than dark ones: at least 4.5 on either side.
const STRONG_ABOVE = 0.97;
const STRONG_BELOW = -0.83;

/**
 * Return {element, draw(values)}: a table that can show new numbers without being rebuilt.
 *
 * @param title     The name of the table for a screen reader.
 * @param labels    The labels of the rows and columns.
 * @param groups    The groups of the rows and columns, which set their colours.
 * @param describe  (row, column, number) -> the text of a cell for a screen reader and on hover.
 * @param onPoint   Called with (row, column) of the cell under the pointer or the focus, and with
 *                  nothing when that has left.
 */
export function matrix({ title, labels, groups, describe, onPoint }) {
  const cells = labels.map((_, row) => labels.map((__, column) => cell(row, column, onPoint)));
  const table = h(
    "table",
    {
      class: "matrix",
      role: "grid",
      "aria-label": title,
      on: { keydown: (event) => walk(event, cells) },
    },
    h(
      "thead",
      {},
      h(
        "tr",
        { role: "row" },
        h("td", {}),
        labels.map((label, index) => head("col", label, groups[index])),
      ),
    ),
    h(
      "tbody",
      {},
      cells.map((row, index) =>
        h("tr", { role: "row" }, head("row", labels[index], groups[index]), row),
      ),
    ),
  );
  table.addEventListener("pointerleave", () => onPoint());
  table.addEventListener("focusout", () => onPoint());
  if (cells.length) cells[0][cells.length > 1 ? 1 : 0].tabIndex = 0;

  function draw(values) {
    cells.forEach((row, i) =>
      row.forEach((element, j) =>
        paint(element, values[i][j], describe(i, j, shown(values[i][j]))),
      ),
    );
  }

  return { element: table, draw };
}

function head(scope, label, group) {
  return h("th", { scope, class: `group-${group}` }, label);
}

function cell(row, column, onPoint) {
  const point = () => onPoint(row, column);
  const properties = { role: "gridcell", tabindex: "-1", class: row === column ? "self" : null };
  return h("td", { ...properties, on: { pointerenter: point, focus: point } });
}

function paint(element, value, description) {
  element.textContent = compact(value);
  element.style.setProperty("--heat", `${Math.round(Math.min(1, Math.abs(value)) * 100)}%`);
  element.classList.toggle("cool", value < 0);
  element.classList.toggle("strong", value > STRONG_ABOVE || value < STRONG_BELOW);
  element.setAttribute("aria-label", description);
}

/** 0.4231 -> "0.42", with a true minus sign before a negative number. */
export function shown(value) {
  const text = Math.abs(value).toFixed(2);
  return value < 0 && text !== "0.00" ? MINUS + text : text;
}

/** The same number without its leading zero, for narrow cells. */
function compact(value) {
  return shown(value).replace(/^(−?)0\./, "$1.");
}

const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

/** Move from cell to cell with arrow keys; for the tab key, the table is a single stop. */
function walk(event, cells) {
  const step = STEPS[event.key];
  if (!step) return;
  event.preventDefault();
  const row = cells.findIndex((line) => line.includes(event.target));
  const column = cells[row]?.indexOf(event.target) ?? -1;
  const next = cells[row + step[0]]?.[column + step[1]];
  if (!next) return;
  event.target.tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
}
