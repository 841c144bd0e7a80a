// The service, asked from the page.

const LOADING_MS = 1000; // between two looks at a model that is loading

/** A refusal of the service in its own words, or the lack of any answer. */
export class ApiError extends Error {
  constructor(message, facts = {}) {
    super(message);
    this.name = "ApiError";
    this.status = facts.status ?? 0; // 0: no answer at all
    this.code = facts.code ?? "no_answer";
    this.param = facts.param ?? null;
    this.details = facts.details ?? {};
    this.requestId = facts.request_id ?? null;
  }
}

// What the shell hangs in: how a visitor is asked for a key, told that the model is loading, and told
// which model it is.
export const hooks = { askForKey: async () => false, onLoading: () => {}, onFacts: () => {} };

const KEY = "bilm.key";

/** The key that goes with each request; null where none was given. Kept until the tab is closed. */
export const key = {
  get: () => sessionStorage.getItem(KEY),
  set: (value) => (value ? sessionStorage.setItem(KEY, value) : sessionStorage.removeItem(KEY)),
};

/** The address of a path of the service, wherever the page is mounted. */
export function address(path) {
  return new URL(path.replace(/^\//, ""), new URL(".", document.baseURI)).href;
}

/**
 * POST a body, and wait for the answer: {data, timing: [{name, ms}], ms, bytes}.
 *
 * `timing` is what the service says it spent; `ms` is the whole way there and back.
 *
 * @throws {ApiError} it was refused, or there was no answer.
 */
export async function ask(path, body, signal) {
  return exchange(path, { method: "POST", body: JSON.stringify(body) }, signal);
}

let facts = null;

/** What GET /info says; asked once. */
export function info() {
  facts ??= exchange("/info", {}).then(
    (answer) => {
      hooks.onFacts(answer.data);
      return answer.data;
    },
    (error) => {
      facts = null; // the next one to ask may have better luck
      throw error;
    },
  );
  return facts;
}

async function exchange(path, options, signal) {
  for (;;) {
    const begin = performance.now();
    const { response, text } = await sent(path, options, signal);
    if (response.ok) {
      const timing = parseTiming(response.headers.get("Server-Timing") ?? "");
      return { data: JSON.parse(text), timing, ms: performance.now() - begin, bytes: text.length };
    }
    const refusal = refusalOf(response, text);
    if (refusal.code === "starting") {
      hooks.onLoading(refusal.message);
      await pause(LOADING_MS, signal);
    } else if (refusal.status !== 401 || !(await hooks.askForKey(refusal, begin))) {
      throw refusal;
    }
  }
}

async function sent(path, options, signal) {
  const headers = {};
  if (options.body) headers["Content-Type"] = "application/json";
  if (key.get()) headers.Authorization = `Bearer ${key.get()}`;
  try {
    const response = await fetch(address(path), { ...options, headers, signal });
    return { response, text: await response.text() };
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(error.message);
  }
}

function refusalOf(response, text) {
  try {
    const { error } = JSON.parse(text);
    return new ApiError(error.message, { ...error, status: response.status });
  } catch {
    // Not the service: something between it and the page answered.
    return new ApiError(`${response.status} ${response.statusText}`, {
      status: response.status,
      code: "unknown",
    });
  }
}

/** 'tokenize;dur=0.5, infer;dur=12' -> [{name: "tokenize", ms: 0.5}, {name: "infer", ms: 12}]. */
export function parseTiming(header) {
  return [...header.matchAll(/([\w-]+);dur=([\d.]+)/g)].map(([, name, ms]) => ({
    name,
    ms: Number(ms),
  }));
}

function pause(ms, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener("abort", () => (clearTimeout(timer), reject(signal.reason)), {
      once: true,
    });
  });
}
