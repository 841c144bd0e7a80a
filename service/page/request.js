// The request behind a view, as programs to copy, and the time that it took.

import { address, key } from "./api.js";
import { h } from "./dom.js";
import { curl, python } from "./programs.js";

/**
 * Return a folded panel: {element, show(path, body, answer)}.
 *
 * Call `show` with each request and its result from ask(); the panel shows the latest.
 */
export function requestPanel(t) {
  const timing = h("p", { class: "timing" }, t("request.none"));
  const programs = h("div", { class: "programs" });
  const element = h(
    "details",
    { class: "request" },
    h("summary", {}, h("span", {}, t("request.title")), timing),
    h("p", { class: "hint" }, t("request.lead")),
    programs,
  );

  function show(path, body, answer) {
    timing.textContent = timeOf(answer, t);
    const needsKey = key.get() !== null;
    programs.replaceChildren(
      ...(needsKey ? [h("p", { class: "hint" }, t("request.key"))] : []),
      program("curl", curl(address(path), body, needsKey), t),
      program("Python", python(address(path), body, needsKey), t),
    );
  }

  return { element, show };
}

function timeOf({ timing, ms, bytes }, t) {
  return t("request.timing", {
    total: timing.reduce((sum, part) => sum + part.ms, 0).toFixed(1),
    parts: timing.map((part) => `${part.name} ${part.ms.toFixed(1)}`).join(" · "),
    ms: ms.toFixed(0),
    size: (bytes / 1000).toFixed(1),
  });
}

function program(language, source, t) {
  const code = h("code", { tabindex: "0" }, source);
  const button = h(
    "button",
    { type: "button", class: "quiet", "aria-label": `${t("request.copy")}: ${language}` },
    t("request.copy"),
  );
  button.addEventListener("click", () => copy(source, code, button, t));
  return h("figure", {}, h("figcaption", {}, h("span", {}, language), button), h("pre", {}, code));
}

async function copy(source, code, button, t) {
  try {
    await navigator.clipboard.writeText(source);
    button.textContent = t("request.copied");
  } catch {
    // Over plain http there is no clipboard, except on localhost; select the text instead.
    getSelection().selectAllChildren(code);
    button.textContent = t("request.select");
  }
  setTimeout(() => (button.textContent = t("request.copy")), 2500);
}
