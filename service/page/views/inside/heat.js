// Paint numbers between -1 and 1 as a picture, in the colours of the page.

const MOST_ROWS = 128;

/** How many cells share a row of the picture. */
export function bandOf(cells) {
  return Math.ceil(cells / MOST_ROWS);
}

/**
 * Paint a picture with one pixel per column and band of cells; the style sheet stretches it.
 *
 * @param columns  The number of columns.
 * @param order    The cells from top to bottom; bandOf says how many neighbours share a row.
 * @param valueAt  (column, cell) -> a number between -1 and 1; null if the column is empty.
 */
export function paint(canvas, columns, order, valueAt) {
  const band = bandOf(order.length);
  const rows = Math.ceil(order.length / band);
  canvas.width = columns;
  canvas.height = rows;
  const context = canvas.getContext("2d");
  const image = context.createImageData(columns, rows);
  const colours = palette(canvas, context);
  for (let column = 0; column < columns; column += 1) {
    if (valueAt(column, order[0]) === null) continue;
    for (let row = 0; row < rows; row += 1) {
      const together = order.slice(row * band, (row + 1) * band);
      const value =
        together.reduce((sum, cell) => sum + valueAt(column, cell), 0) / together.length;
      mix(image.data, 4 * (row * columns + column), colours, value);
    }
  }
  context.putImageData(image, 0, 0);
}

/** The colours of 0, 1 and -1, each as red, green and blue. */
function palette(canvas, context) {
  const style = getComputedStyle(canvas);
  return ["--raised", "--warm", "--cool"].map((name) => {
    context.fillStyle = style.getPropertyValue(name).trim();
    const hex = parseInt(context.fillStyle.slice(1), 16);
    return [hex >> 16, (hex >> 8) & 255, hex & 255];
  });
}

function mix(pixels, place, [nothing, most, least], value) {
  const end = value < 0 ? least : most;
  const depth = Math.min(Math.abs(value), 1);
  for (let k = 0; k < 3; k += 1) pixels[place + k] = nothing[k] + depth * (end[k] - nothing[k]);
  pixels[place + 3] = 255;
}
