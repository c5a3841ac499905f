// Keys: which one does what, and when.

import { give, list } from "./asking.js";
import { state } from "./server.js";
import { $, el } from "./text.js";
import * as view from "./view.js";

const CODES = { Digit: 5, Key: 3 }; // where the sign begins in the name of a place on the keyboard
const KEYS = [
  ["1–9, letters", "the label with this key"], ["Enter", "what the model guesses; with several labels: save"],
  ["u", "undo the last answer"], ["s", "skip this text"], ["n", "new label"], ["/", "search"],
  ["d", "doubtful answers"], ["e", "export the answers"], ["f", "hide or show the guess"],
  ["Page up, Page down, Space", "move through a long text"], ["Esc", "close what is open"], ["?", "these keys"],
];

let OF_KEYS = {};

function scroll(pages) {
  $("box").scrollBy({ top: pages * $("box").clientHeight });
}

/** The sign of a key; on a keyboard of other letters, that of its place. */
function signOf(event) {
  if (event.key.length !== 1 || /[\x20-\x7e]/.test(event.key)) return event.key;
  for (const [kind, at] of Object.entries(CODES)) {
    if (event.code.startsWith(kind)) return event.code.slice(at).toLowerCase();
  }
  return event.key;
}

/** Keys while the filter of labels is typed in. */
function filterKey(event) {
  const field = $("filter");
  if (event.key === "Enter") {
    event.preventDefault();
    if (event.repeat) return;
    const first = view.shownLabels(state)[0];
    if (!field.value.trim()) OF_KEYS.Enter();
    else if (first) give(first.name);
  } else if (event.key === "Escape") {
    field.value = "";
    view.showLabels(state, give);
    $("box").focus({ preventScroll: true });
  } else if (!field.value) {
    const command = event.shiftKey || "/?".includes(event.key) ? OF_KEYS[event.key.toLowerCase()] : null;
    if (!command) return;
    event.preventDefault();
    if (!event.repeat) command();
  }
}

function down(event) {
  if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
  if (!state.progress || document.querySelector("dialog[open]")) return;
  const target = event.target, isTyping = target.matches("input, select, textarea");
  if (list.isOpen) {
    const isOther = target.matches("button, select");
    if (!(isOther && event.key !== "Escape") && list.key(event.key, isTyping)) event.preventDefault();
    return;
  }
  if (target === $("filter")) {
    filterKey(event);
    return;
  }
  if (isTyping || (event.key === "Escape" && !state.isFromList)) return;
  if (event.repeat && !event.key.startsWith("Page") && event.key !== " ") return;
  pressed(event, signOf(event));
}

function pressed(event, sign) {
  if (sign === "Escape") {
    list.resume(0);
    return;
  }
  if ((sign === "Enter" || sign === " ") && event.target.matches("button, a")) return; // its own
  const key = sign.length === 1 ? sign.toLowerCase() : sign;
  const label = state.progress.labels.find((each) => each.key && each.key === key);
  if (label && state.question) {
    event.preventDefault();
    give(label.name);
  } else if (OF_KEYS[key]) {
    event.preventDefault();
    OF_KEYS[key]();
  } else if (view.isFiltered(state) && state.question && key.length === 1) {
    $("filter").focus(); // which then takes this key
  }
}

/** Listen to keys from now on, and write them down for people. */
export function listen(commands) {
  OF_KEYS = {
    u: commands.undo, s: commands.skip, n: commands.new, "/": commands.search, d: commands.doubtful,
    e: commands.export, f: commands.hide, "?": commands.help, Enter: commands.confirm,
    PageDown: () => scroll(0.9), PageUp: () => scroll(-0.9), " ": () => scroll(0.9),
  };
  document.addEventListener("keydown", down);
  const rows = [...KEYS, ["Shift + a key", "with more labels than keys: u, s, n, d, e, f, while nothing is typed"]];
  $("keys").replaceChildren(...rows.flatMap(([key, what]) => [el("dt", "", el("kbd", "", key)), el("dd", "", what)]));
}
