// The shell of the page: the header, the view that the address names, and the footer.
//
// A view is one module and one line in VIEWS. `id` is its address (#/compare), `name` its link.
// The module exports:
//
//   words    { en: {key: text}, zh: {key: text} }, usually from words/<id>.js; both with the same
//            keys. A text may hold {name}, which t("key", {name: 3}) fills in.
//   styles   optional: its own stylesheet, "views/<id>.css", all of it inside .view-<id> { … },
//            because it stays loaded when the visitor goes to another view.
//   mount(host, context)
//            builds the view inside the element `host`, beginning with an <h1>. It is called when
//            the visitor comes to the view and again when the language changes. It may be async.
//
// The `context` contains:
//
//   t        key -> text in the language of the page, from the words of the view or of the shell.
//   language "en" or "zh".
//   memory   an object of this view that outlives mounts; it keeps what the visitor typed and the
//            last responses.
//   signal   an AbortSignal that is aborted when the visitor leaves the view. Pass it to
//            addEventListener on anything outside `host`; ask() uses it already.
//   ask(path, body)
//            POST to the service; resolves to {data, timing, bytes, ms} (api.js). It waits while
//            the model loads, and asks the visitor for a key if one is needed. It throws ApiError,
//            or AbortError once the visitor has left the view.
//   info()   the data of GET /info, which is requested once per page.
//   notice   one live region for this view; put notice.element where messages belong.
//            notice.attempt(async () => …) shows that something is under way, and an error in the
//            service's own words; it resolves to the result of the function, or to undefined.
//
// Parts that views share: dom.js (elements), chips.js (examples to choose), field.js (a text to
// send), desk.js (sentences with a word, beside the results), request.js (the request
// behind a view), text.js (places of words in code points), reading.js (a text as clickable
// pieces), vectors.js (numbers of a response, cosines), matrix.js (a square of coloured cells).

import { ApiError, ask, hooks, info } from "./api.js";
import { h } from "./dom.js";
import { keyButton, keyDialog } from "./key.js";
import { LANGUAGES, choose, initialLanguage, translator } from "./language.js";
import { notice } from "./notice.js";
import shellWords from "./words/shell.js";

const VIEWS = [
  { id: "compare", name: { en: "Compare", zh: "对比" }, load: () => import("./views/compare.js") },
  { id: "map", name: { en: "Map", zh: "地图" }, load: () => import("./views/map.js") },
  { id: "fill", name: { en: "Fill", zh: "填空" }, load: () => import("./views/fill.js") },
  {
    id: "continue",
    name: { en: "Continue", zh: "续写" },
    load: () => import("./views/continue.js"),
  },
  { id: "inside", name: { en: "Inside", zh: "门" }, load: () => import("./views/inside.js") },
  { id: "model", name: { en: "Model", zh: "模型" }, load: () => import("./views/model.js") },
];

const page = {
  language: initialLanguage(location.search, navigator.languages),
  leave: null,
  facts: null,
};
const memories = new Map(VIEWS.map((view) => [view.id, {}]));

/** The view that the address names, or the first one if it names none. */
function currentView() {
  const id = location.hash.replace(/^#\/?/, "").split("?")[0];
  return VIEWS.find((view) => view.id === id) ?? VIEWS[0];
}

/** Build everything in the language of the page. */
async function render() {
  const t = translator(page.language, shellWords);
  document.documentElement.lang = LANGUAGES[page.language].tag;
  const main = h("main", { id: "main", tabindex: "-1" });
  document.body.replaceChildren(
    h(
      "a",
      { class: "skip", href: "#main", on: { click: (event) => skipTo(event, main) } },
      t("skip"),
    ),
    header(t),
    main,
    footer(t),
    keyDialog(t),
  );
  await show(main, t);
}

function skipTo(event, main) {
  event.preventDefault(); // the hash of the address selects the view
  main.focus();
}

/** Put the current view into the page; the element `main` stays, so that nothing else moves. */
async function show(main, t) {
  page.leave?.abort();
  page.leave = new AbortController();
  const { signal } = page.leave;
  const view = currentView();
  for (const link of document.querySelectorAll("nav a")) {
    if (link.hash === `#/${view.id}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = `${view.name[page.language]} · biLM`;
  const module = await view.load();
  if (module.styles) await stylesheet(module.styles);
  if (signal.aborted) return;
  const words = translator(page.language, shellWords, module.words);
  const host = h("div", { class: `view view-${view.id}` });
  main.replaceChildren(host);
  await module.mount(host, {
    t: words,
    language: page.language,
    memory: memories.get(view.id),
    signal,
    ask: (path, body) => ask(path, body, signal),
    info,
    notice: notice(words),
  });
}

const loadedSheets = new Map();

/** Load a stylesheet beside this file; the promise resolves once it applies. */
function stylesheet(path) {
  if (!loadedSheets.has(path)) {
    const link = h("link", { rel: "stylesheet", href: new URL(path, import.meta.url).href });
    const done = new Promise((resolve) => link.addEventListener("load", resolve, { once: true }));
    document.head.append(link);
    loadedSheets.set(path, done);
  }
  return loadedSheets.get(path);
}

function header(t) {
  const links = VIEWS.map(({ id, name }) => h("a", { href: `#/${id}` }, name[page.language]));
  const others = Object.keys(LANGUAGES).filter((language) => language !== page.language);
  return h(
    "header",
    { class: "top" },
    h("a", { class: "brand", href: "#/" }, "biLM"),
    h("nav", { "aria-label": t("nav") }, links),
    h(
      "div",
      { class: "tools" },
      keyButton(t),
      h("a", { href: "docs" }, t("docs")),
      others.map((language) =>
        h(
          "button",
          {
            type: "button",
            class: "quiet",
            lang: LANGUAGES[language].tag,
            on: { click: () => speak(language) },
          },
          LANGUAGES[language].name,
        ),
      ),
    ),
  );
}

async function speak(language) {
  page.language = language;
  choose(language);
  await render();
  document.querySelector("header .tools button:last-child").focus(); // the visitor pressed it
}

/** Describe the model, in the footer or in a view, as soon as it is known. */
function footer(t) {
  const line = h("p", {});
  function tell({ model, precision, pieces_per_s }) {
    const speed = pieces_per_s.toLocaleString(page.language);
    line.textContent = t("footer", {
      id: model.id,
      layers: model.num_layers,
      dim: model.dim,
      precision,
      speed,
    });
    line.append(" · ", h("span", { title: t("footer.revision") }, model.revision.slice(0, 14)));
  }
  hooks.onFacts = (facts) => tell((page.facts = facts));
  if (page.facts) tell(page.facts);
  else info().catch(leaveToTheView);
  return h("footer", {}, line);
}

function leaveToTheView(error) {
  if (!(error instanceof ApiError)) throw error; // the view already shows a refusal
}

addEventListener("hashchange", async () => {
  const main = document.getElementById("main");
  await show(main, translator(page.language, shellWords));
  main.querySelector("h1")?.setAttribute("tabindex", "-1");
  main.querySelector("h1")?.focus();
});

await render();
