// The language of the page, and its texts.

export const LANGUAGES = {
  en: { name: "English", tag: "en" },
  zh: { name: "中文", tag: "zh-Hans" },
};

/** The language of the address (?lang=zh), or else the first that the browser prefers. */
export function initialLanguage(search, preferred = []) {
  const asked = new URLSearchParams(search).get("lang");
  const wishes = [asked, ...preferred].map((tag) => (tag ?? "").slice(0, 2).toLowerCase());
  return wishes.find((wish) => wish in LANGUAGES) ?? "en";
}

/** Write the chosen language into the address, so that a copied link opens in it. */
export function choose(language) {
  const url = new URL(location.href);
  url.searchParams.set("lang", language);
  history.replaceState(history.state, "", url);
}

/**
 * Return a function (key, values) -> text. The last dictionary that has the key is used.
 *
 * @throws {Error} no dictionary has the key; this is a bug.
 */
export function translator(language, ...dictionaries) {
  const texts = Object.assign({}, ...dictionaries.map((dictionary) => dictionary[language]));
  return (key, values = {}) => {
    if (!(key in texts)) throw new Error(`no text for ${key}; this is a bug`);
    return texts[key].replace(/\{(\w+)\}/g, (hole, name) => (name in values ? values[name] : hole));
  };
}
