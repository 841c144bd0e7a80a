// Send requests to the service.

const LOADING_MS = 1000; // between two tries while the model is loading

/** A refusal in the service's own words, or a request without a response. */
export class ApiError extends Error {
  constructor(message, facts = {}) {
    super(message);
    this.name = "ApiError";
    this.status = facts.status ?? 0; // 0: there was no response
    this.code = facts.code ?? "no_answer";
    this.param = facts.param ?? null;
    this.details = facts.details ?? {};
    this.requestId = facts.request_id ?? null;
  }
}

// Functions that the shell sets: one asks the visitor for a key, one shows that the model is
// loading, and one shows which model it is.
export const hooks = { askForKey: async () => false, onLoading: () => {}, onFacts: () => {} };

const KEY = "bilm.key";

/** The key that is sent with each request, kept until the tab is closed; null without a key. */
export const key = {
  get: () => sessionStorage.getItem(KEY),
  set: (value) => (value ? sessionStorage.setItem(KEY, value) : sessionStorage.removeItem(KEY)),
};

/** The URL of a path of the service, under whatever prefix the page is served. */
export function address(path) {
  return new URL(path.replace(/^\//, ""), new URL(".", document.baseURI)).href;
}

/**
 * POST a body, and resolve to {data, timing: [{name, ms}], ms, bytes}.
 *
 * `timing` is the time that the service reports; `ms` is the time of the whole round trip.
 *
 * @throws {ApiError} the request was refused, or there was no response.
 */
export async function ask(path, body, signal) {
  return exchange(path, { method: "POST", body: JSON.stringify(body) }, signal);
}

let facts = null;

/** The data of GET /info, which is requested once. */
export function info() {
  facts ??= exchange("/info", {}).then(
    (answer) => {
      hooks.onFacts(answer.data);
      return answer.data;
    },
    (error) => {
      facts = null; // the next call tries again
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
    // The response is not from the service, but from something between it and the page.
    return new ApiError(`${response.status} ${response.statusText}`, {
      status: response.status,
      code: "unknown",
    });
  }
}

/** "tokenize;dur=0.5, infer;dur=12" -> [{name: "tokenize", ms: 0.5}, {name: "infer", ms: 12}]. */
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
