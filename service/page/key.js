// The API key: the visitor is asked for it when it is needed; it is kept for the tab.

import { hooks, key } from "./api.js";
import { h } from "./dom.js";

let asking = null; // one dialog for all requests that wait for a key
let answered = { at: -Infinity, isGiven: false }; // when the last dialog was closed, with a key?
let refresh = () => {};

/** Create the dialog that asks for a key; all requests refused for lack of a key wait for it. */
export function keyDialog(t) {
  const field = h("input", {
    id: "key",
    type: "password",
    autocomplete: "off",
    spellcheck: "false",
    required: true,
  });
  const reason = h("p", { class: "reason" });
  const dialog = h(
    "dialog",
    { class: "key", "aria-labelledby": "key-title" },
    h(
      "form",
      { method: "dialog" },
      h("h2", { id: "key-title" }, t("key.title")),
      reason,
      h("label", { for: "key" }, t("key.label")),
      field,
      h("p", { class: "hint" }, t("key.hint")),
      h(
        "div",
        { class: "row" },
        h("button", { type: "submit", class: "primary", value: "give" }, t("key.use")),
        h("button", { type: "submit", value: "none", formnovalidate: true }, t("key.cancel")),
      ),
    ),
  );
  hooks.askForKey = (refusal, sentAt) => {
    // A request sent before the last dialog was closed does not open another one.
    if (!asking && sentAt < answered.at) return Promise.resolve(answered.isGiven);
    const message = key.get() === null ? refusal.message : t("key.wrong");
    asking ??= opened(dialog, field, reason, message).then((isGiven) => {
      asking = null;
      answered = { at: performance.now(), isGiven };
      return isGiven;
    });
    return asking;
  };
  return dialog;
}

function opened(dialog, field, reason, message) {
  field.value = "";
  dialog.returnValue = "";
  reason.textContent = message;
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener(
      "close",
      () => {
        const given = dialog.returnValue === "give" ? field.value.trim() : "";
        if (given) key.set(given);
        refresh();
        resolve(given !== "");
      },
      { once: true },
    );
  });
}

/** Create the button that forgets the key; it is only shown while there is a key. */
export function keyButton(t) {
  const button = h("button", { type: "button", class: "quiet" }, t("key.forget"));
  button.addEventListener("click", () => (key.set(null), refresh()));
  refresh = () => (button.hidden = key.get() === null);
  refresh();
  return button;
}
