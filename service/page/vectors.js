// Decode the numbers of a response, and compute with them in the browser.

/** Decode base64 of little-endian float32 or float16 into a Float32Array. */
export function decode(embedding, dtype = "float32") {
  const bytes = Uint8Array.from(atob(embedding), (character) => character.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  if (dtype === "float32") {
    return Float32Array.from({ length: bytes.length / 4 }, (_, index) =>
      view.getFloat32(4 * index, true),
    );
  }
  return Float32Array.from({ length: bytes.length / 2 }, (_, index) =>
    half(view.getUint16(2 * index, true)),
  );
}

/** The number that 16 bits encode as IEEE 754 binary16. */
function half(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/**
 * Return, for each layer, the rows of all texts in order, from the entries of /embed with `layers`.
 *
 * [{shape: [layers, rows, dim], embedding}, …] -> [layer][row] -> Float32Array(dim)
 */
export function rowsByLayer(entries) {
  const layers = Array.from({ length: entries[0].shape[0] }, () => []);
  for (const { shape, embedding, dtype } of entries) {
    const [depth, rows, dim] = shape;
    const numbers = decode(embedding, dtype);
    for (let layer = 0; layer < depth; layer += 1) {
      for (let row = 0; row < rows; row += 1) {
        const begin = (layer * rows + row) * dim;
        layers[layer].push(numbers.subarray(begin, begin + dim));
      }
    }
  }
  return layers;
}

/** gamma * sum_j weights[j] * layers[j]: equation 1 of Peters et al. (2018), for every row. */
export function mixed(layers, weights, gamma = 1) {
  return layers[0].map((_, row) => {
    const sum = new Float32Array(layers[0][row].length);
    weights.forEach((weight, layer) => {
      const vector = layers[layer][row];
      for (let axis = 0; axis < sum.length; axis += 1) sum[axis] += gamma * weight * vector[axis];
    });
    return sum;
  });
}

export function dot(one, other) {
  let sum = 0;
  for (let axis = 0; axis < one.length; axis += 1) sum += one[axis] * other[axis];
  return sum;
}

export function length(vector) {
  return Math.sqrt(dot(vector, vector));
}

/** The cosine of every pair of rows; a zero vector has cosine 0 with every row, even itself. */
export function cosines(rows) {
  const lengths = rows.map(length);
  return rows.map((one, i) =>
    rows.map((other, j) =>
      lengths[i] && lengths[j] ? dot(one, other) / (lengths[i] * lengths[j]) : 0,
    ),
  );
}
