// The messages of a view: a request is under way, or it failed, in the service's own words.

import { ApiError, hooks } from "./api.js";
import { h } from "./dom.js";

/** Return a live region, and `attempt`, which fills it while something is under way. */
export function notice(t) {
  const element = h("div", { class: "notice", role: "status", "aria-live": "polite" });
  let latest = 0; // of several attempts, only the last may show a message

  function clear() {
    element.className = "notice";
    element.replaceChildren();
  }

  function say(text) {
    element.className = "notice";
    element.replaceChildren(h("p", {}, text));
  }

  function fail(error) {
    element.className = "notice wrong";
    element.replaceChildren(
      ...(error instanceof ApiError ? refused(error, t) : [h("p", {}, error.message)]),
    );
  }

  /** Resolve to the function's result; to undefined if it failed or a later attempt has begun. */
  async function attempt(work) {
    const mine = ++latest;
    hooks.onLoading = () => mine === latest && say(t("notice.loading"));
    const patience = setTimeout(() => mine === latest && say(t("notice.busy")), 250); // no flicker
    try {
      const found = await work();
      if (mine !== latest) return undefined;
      clear();
      return found;
    } catch (error) {
      if (error.name !== "AbortError" && mine === latest) {
        fail(error);
        if (!(error instanceof ApiError)) console.error(error);
      }
      return undefined;
    } finally {
      clearTimeout(patience);
    }
  }

  return { element, attempt, clear, say, fail };
}

function refused(error, t) {
  if (error.status === 0) return [h("p", {}, t("notice.no_answer"))];
  return [
    h("p", {}, h("strong", {}, t("notice.refused")), " ", h("span", { lang: "en" }, error.message)),
    h(
      "p",
      { class: "facts" },
      h("code", {}, `${error.status} ${error.code}`),
      error.param && [" · ", h("code", {}, error.param)],
      error.requestId && [" · ", t("notice.request_id"), " ", h("code", {}, error.requestId)],
    ),
  ];
}
