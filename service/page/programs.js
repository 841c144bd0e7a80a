// Turn a request into programs that send it.

/** Return a command line for a POSIX shell. */
export function curl(url, body, needsKey = false) {
  const quoted = JSON.stringify(body).replaceAll("'", String.raw`'\''`);
  const lines = [`curl -s ${url}`, "-H 'Content-Type: application/json'"];
  if (needsKey) lines.push('-H "Authorization: Bearer $KEY_FOR_BILM"');
  return [...lines, `-d '${quoted}'`].join(" \\\n  ");
}

/** Return a Python program that uses the standard library, and numpy if there are vectors. */
export function python(url, body, needsKey = false) {
  const hasVectors = /\/embed$/.test(url) && body.encoding !== "json";
  const headers = needsKey
    ? '{"Content-Type": "application/json", "Authorization": f"Bearer {os.environ[\'KEY_FOR_BILM\']}"}'
    : '{"Content-Type": "application/json"}';
  return [
    hasVectors && "import base64",
    "import json",
    needsKey && "import os",
    "from urllib.request import Request, urlopen",
    hasVectors && "\nimport numpy as np",
    `\nbody = ${literal(body)}`,
    `headers = ${headers}`,
    `request = Request(${JSON.stringify(url)}, json.dumps(body).encode(), headers)`,
    "answer = json.load(urlopen(request))",
    ...(hasVectors ? VECTORS : ["print(json.dumps(answer, ensure_ascii=False, indent=2))"]),
  ]
    .filter((line) => line !== false)
    .join("\n");
}

const VECTORS = [
  'for entry in answer["data"]:',
  '    numbers = np.frombuffer(base64.b64decode(entry["embedding"]), np.dtype(entry["dtype"]).newbyteorder("<"))',
  '    print(entry["index"], numbers.reshape(entry["shape"]))',
];

const WIDTH = 88;

/** Write a JSON value in Python's syntax; a long one is broken into lines. */
export function literal(value, indent = "") {
  const flat = flatLiteral(value);
  if (flat.length + indent.length <= WIDTH || typeof value !== "object" || value === null)
    return flat;
  const inner = `${indent}    `;
  const entries = Array.isArray(value)
    ? value.map((one) => literal(one, inner))
    : Object.entries(value).map(([name, one]) => `${JSON.stringify(name)}: ${literal(one, inner)}`);
  const [open, close] = Array.isArray(value) ? "[]" : "{}";
  return `${open}\n${entries.map((entry) => `${inner}${entry},\n`).join("")}${indent}${close}`;
}

function flatLiteral(value) {
  if (value === true) return "True";
  if (value === false) return "False";
  if (value === null || value === undefined) return "None";
  if (Array.isArray(value)) return `[${value.map(flatLiteral).join(", ")}]`;
  if (typeof value === "object") {
    return `{${Object.entries(value)
      .map(([name, one]) => `${JSON.stringify(name)}: ${flatLiteral(one)}`)
      .join(", ")}}`;
  }
  return JSON.stringify(value); // strings and numbers are written alike in JSON and Python
}
