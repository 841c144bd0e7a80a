// The language of the page: which, and its texts.

export const LANGUAGES = {
  en: { name: "English", tag: "en" },
  zh: { name: "中文", tag: "zh-Hans" },
};

/** The language that the address asks for (?lang=zh), else the first the browser prefers. */
export function initialLanguage(search, preferred = []) {
  const asked = new URLSearchParams(search).get("lang");
  const wishes = [asked, ...preferred].map((tag) => (tag ?? "").slice(0, 2).toLowerCase());
  return wishes.find((wish) => wish in LANGUAGES) ?? "en";
}

/** Write a choice into the address, so that a copied link opens in the same language. */
export function choose(language) {
  const url = new URL(location.href);
  url.searchParams.set("lang", language);
  history.replaceState(history.state, "", url);
}

/**
 * (key, values) -> text. The last dictionary that has the key decides.
 *
 * @throws {Error} no dictionary has it; this is a bug.
 */
export function translator(language, ...dictionaries) {
  const texts = Object.assign({}, ...dictionaries.map((dictionary) => dictionary[language]));
  return (key, values = {}) => {
    if (!(key in texts)) throw new Error(`no text for ${key}; this is a bug`);
    return texts[key].replace(/\{(\w+)\}/g, (hole, name) => (name in values ? values[name] : hole));
  };
}
