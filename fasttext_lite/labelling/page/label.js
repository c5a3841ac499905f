// The page of `fasttext-lite label`: asks, takes one answer at a time, shows the next text.
//
// A text stays on the screen until the server has said that its answer is on the disk.

import { List } from "./lists.js";
import { address, call, download, Lost, Refused, takeToken } from "./net.js";
import { $, counted, el, quoted, visible } from "./text.js";
import * as view from "./view.js";

const POLL = 2000, TOO_SOON = 120; // milliseconds
const WAITS = [500, 1000, 2000, 4000, 8000]; // milliseconds before the next try
const CODES = { Digit: 5, Key: 3 };
const KEYS = [
  ["1–9, letters", "the label with this key"], ["Enter", "what the model guesses; with several labels: save"],
  ["u", "undo the last answer"], ["s", "skip this text"], ["n", "new label"], ["/", "search"],
  ["d", "doubtful answers"], ["e", "export the answers"], ["f", "hide or show the guess"],
  ["Page up, Page down, Space", "move through a long text"], ["Esc", "close what is open"], ["?", "these keys"],
];

const state = {
  me: "", session: null, progress: null, question: null, chosen: new Set(), notice: "",
  hidesGuess: localStorage.getItem("fasttext-lite hides guess") === "1",
  saving: "", // what is on its way: nothing else is sent meanwhile
  correction: null, // labels pressed while the answer before them was on its way
  then: null, // what to do when it has arrived
  given: new Map(), // labels that this page has given, by text: shown when they are taken back
  shownAt: 0, isFromList: false,
};
let wake = () => {};

// -- talking with the server ------------------------------------------------------------------

/** Send what changes something; tried again until the server has answered. */
async function send(path, body, what) {
  state.saving = what;
  document.body.classList.add("saving");
  document.body.setAttribute("aria-busy", "true");
  try {
    for (let tries = 0; ; tries++) {
      try {
        const found = await call(path, body);
        view.banner("");
        return found;
      } catch (error) {
        if (!(error instanceof Lost)) throw error;
        view.say("");
        view.banner(`No connection to the server. Not saved yet: ${what}. It is kept here and sent again.`, true);
        await new Promise((resolve) => {
          wake = resolve;
          setTimeout(resolve, WAITS[Math.min(tries, WAITS.length - 1)]);
        });
      }
    }
  } finally {
    state.saving = "";
    document.body.classList.remove("saving");
    document.body.removeAttribute("aria-busy");
  }
}

/** Say why the server refused. */
function refused(error) {
  if (!(error instanceof Refused)) throw error;
  if (error.status === 401 || error.status === 403) {
    view.banner("The server does not let this page in: open the address that the command printed, with its token.");
  } else {
    view.say(error.message, true);
  }
}

/** Do what asks the server; refusals are told, and a second request at a time is not made. */
async function change(path, body, what, done) {
  if (state.saving) {
    view.say(`Still saving: ${state.saving}`);
    return;
  }
  try {
    const found = await send(path, body, what);
    if (found.progress) state.progress = found.progress;
    await done(found);
    view.showProgress(state);
  } catch (error) {
    refused(error);
  } finally {
    goOn();
  }
}

/** Do what was asked for while something else was on its way. */
function goOn() {
  const then = state.then;
  state.then = null;
  if (then) then();
}

// -- questions and answers --------------------------------------------------------------------

function show(question, notice = "") {
  state.question = question;
  state.notice = notice;
  const likely = question && state.session.several && !question.answer ? view.guessed(state) : [];
  const given = question && question.answer ? question.answer.labels : likely;
  state.chosen = new Set(given);
  state.shownAt = performance.now();
  view.showQuestion(state, give);
  if (!question || list.isOpen || document.querySelector("dialog[open]")) return;
  if (view.isFiltered(state) && !matchMedia("(pointer: coarse)").matches) $("filter").focus();
  else $("box").focus({ preventScroll: true });
}

function ask() {
  return change("api/next", { person: state.me }, "asking for the next text", (found) => show(found.question));
}

/** A label was clicked, or its key pressed. */
function give(label) {
  if (!state.question) return;
  if (!state.session.several) {
    answer([label]);
    return;
  }
  if (state.saving) {
    view.say(`Still saving: ${state.saving}`);
    return;
  }
  if (!state.chosen.delete(label)) state.chosen.add(label);
  $("filter").value = "";
  view.showLabels(state, give);
}

/** Whether a key comes before its text can have been seen; it is then not taken. */
function isTooSoon() {
  const soon = performance.now() - state.shownAt < TOO_SOON;
  if (soon) view.say("That key came before this text: not taken", true);
  return soon;
}

const same = (a, b) => a.length === b.length && a.every((each) => b.includes(each));

async function answer(labels) {
  const q = state.question;
  if (!q) return;
  if (!labels.length) {
    view.say(state.session.several ? "Choose at least one label" : "Choose a label", true);
    return;
  }
  if (state.saving) {
    state.correction = labels;
    return;
  }
  if (isTooSoon()) return;
  let sent = { person: state.me, id: q.id, labels, version: q.version };
  view.say("");
  try {
    let found = await sendAnswer(sent);
    while (found && state.correction && !same(state.correction, sent.labels)) {
      const again = await send(address(`api/texts/${q.id}`, { person: state.me }), undefined, "your correction");
      sent = { ...sent, labels: state.correction, version: again.question.version };
      found = await sendAnswer(sent);
    }
    if (found) arrived(found, q.id, sent.labels);
  } catch (error) {
    refused(error);
  } finally {
    state.correction = null;
    goOn();
  }
}

/** Send an answer; null if somebody else had answered meanwhile, who is then shown. */
async function sendAnswer(sent) {
  try {
    return await send("api/answer", sent, quoted(sent.labels));
  } catch (error) {
    if (!(error instanceof Refused) || error.status !== 409) throw error;
    const there = error.found.question, given = there.answer;
    // The answer had arrived, and only the word of it was lost.
    if (given && given.by === state.me && same(given.labels, sent.labels)) {
      return send("api/next", { person: state.me }, "asking for the next text");
    }
    const said = given && given.kind === "label" ? `said: ${quoted(given.labels)}` : "skipped this text";
    show(there, `Meanwhile ${given ? given.by : "somebody"} ${said}. Nothing was overwritten: Enter keeps it, another label replaces it.`);
    return null;
  }
}

function arrived(found, id, labels) {
  state.progress = found.progress;
  state.given.set(id, labels);
  view.say(`Saved: ${quoted(labels)}. ${counted(found.progress.n_answered, "answer")}.`);
  const isWalk = state.isFromList;
  state.isFromList = false;
  if (isWalk) list.mark(labels);
  show(found.question);
  if (isWalk) list.resume(1);
  view.showProgress(state);
}

function skip() {
  const q = state.question;
  if (!q || (!state.saving && isTooSoon())) return;
  change("api/skip", { person: state.me, id: q.id, version: q.version }, "skipping this text", (found) => {
    state.isFromList = false;
    view.say("Skipped.");
    show(found.question);
  });
}

function undo() {
  if (state.saving) {
    state.then = undo;
    return;
  }
  change("api/undo", { person: state.me }, "undo", (found) => {
    state.isFromList = false;
    const q = found.question, had = state.given.get(q.id);
    view.say("Taken back: this text is open again.");
    show(q, had && !q.answer ? `You had said: ${quoted(had)}. That is taken back.` : "");
  });
}

// -- labels, lists, the end -------------------------------------------------------------------

function openNew() {
  $("new-name").value = view.isFiltered(state) ? $("filter").value.trim() : "";
  $("new-error").hidden = true;
  $("new").showModal();
}

$("new").querySelector("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const name = $("new-name").value.trim();
  if (!name || state.saving) return;
  try {
    const found = await send("api/labels", { name, person: state.me }, `new label ${quoted([name])}`);
    state.progress = found.progress;
    $("new").close();
    if (!state.session.several) state.chosen.clear();
    state.chosen.add(name);
    $("filter").value = "";
    view.showProgress(state);
    if (state.question) {
      view.showLabels(state, give);
      view.say(`New label: ${quoted([name])}. Enter gives it to this text.`);
      $("box").focus({ preventScroll: true });
    }
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    $("new-error").hidden = false;
    $("new-error").textContent = error.message;
  }
});

const list = new List({
  onOpen: (row) => change(
    address(`api/texts/${row.id}`, { person: state.me, asked: list.kind }), undefined, "opening this text",
    (found) => {
      list.close(true);
      state.isFromList = true;
      show({ ...found.question, asked: list.kind });
    }),
  onClose: () => {
    if (state.isFromList) {
      state.isFromList = false;
      ask();
    } else $("box").focus({ preventScroll: true });
  },
  onError: (error) => (error instanceof Lost
    ? view.banner("No connection to the server.") : refused(error)),
});

function openList(kind) {
  if (state.progress) list.open(kind, state.progress.labels);
}

function showDone() {
  view.showProgress(state);
  if (!$("done").open) $("done").showModal();
}

function exportAll() {
  $("export-text").textContent = "Writing…";
  showDone();
  change("api/export", {}, "export", (found) => {
    $("export-text").textContent = `${counted(found.n_rows, "row")} in ${found.path}.`;
    view.say(`Exported: ${counted(found.n_rows, "row")} in ${found.path}`);
  });
}

function train() {
  if (!$("export-text").textContent) $("export-text").textContent = `All answers are in ${state.session.output} after an export.`;
  showDone();
  change("api/train", { person: state.me }, "training", () => {});
}

function hideGuess() {
  state.hidesGuess = !state.hidesGuess;
  localStorage.setItem("fasttext-lite hides guess", state.hidesGuess ? "1" : "0");
  $("hide-guess").checked = state.hidesGuess;
  if (!state.question) return;
  if (state.session.several && !state.question.answer) state.chosen = new Set(view.guessed(state));
  view.showQuestion(state, give);
}

async function showMore() {
  const q = state.question, start = q.shown || [...q.text].length; // in characters
  try {
    const found = await call(address(`api/texts/${q.id}/more`, { start }));
    if (state.question !== q) return;
    $("text").append(visible(found.text));
    q.shown = start + [...found.text].length;
    $("more").hidden = !found.is_more;
  } catch (error) {
    if (error instanceof Lost) view.say("No connection: the next part did not come", true);
    else refused(error);
  }
}

// -- keys -------------------------------------------------------------------------------------

const COMMANDS = {
  undo, skip, new: openNew, search: () => openList("search"), doubtful: () => openList("doubtful"),
  help: () => $("help").showModal(), export: exportAll, train, confirm: () => answer(view.entered(state)),
};
const OF_KEYS = {
  u: undo, s: skip, n: openNew, "/": COMMANDS.search, d: COMMANDS.doubtful, e: exportAll, f: hideGuess,
  "?": COMMANDS.help, Enter: COMMANDS.confirm,
  PageDown: () => scroll(0.9), PageUp: () => scroll(-0.9), " ": () => scroll(0.9),
};

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
    const first = view.shownLabels(state)[0];
    if (!field.value.trim()) COMMANDS.confirm();
    else if (first) give(first.name);
  } else if (event.key === "Escape") {
    field.value = "";
    view.showLabels(state, give);
    $("box").focus({ preventScroll: true });
  } else if (!field.value) {
    const command = event.shiftKey || "/?".includes(event.key) ? OF_KEYS[event.key.toLowerCase()] : null;
    if (!command) return;
    event.preventDefault();
    command();
  }
}

document.addEventListener("keydown", (event) => {
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
});

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

// -- the rest of the page ---------------------------------------------------------------------

document.addEventListener("click", (event) => {
  const found = event.target.closest("[data-do]");
  if (found) COMMANDS[found.dataset.do]();
  const close = event.target.closest("[data-close]");
  if (close) close.closest("dialog").close();
});
$("filter").addEventListener("input", () => view.showLabels(state, give));
$("more").addEventListener("click", showMore);
$("hide-guess").addEventListener("change", hideGuess);
$("banner-again").addEventListener("click", () => wake());
$("end-train").addEventListener("click", train);
$("end-export").addEventListener("click", exportAll);
$("end-doubtful").addEventListener("click", () => openList("doubtful"));
$("end-again").addEventListener("click", ask);
$("download").addEventListener("click", async () => {
  try {
    await download("api/export/file", state.session.output.split(/[\\/]/).pop());
  } catch (error) {
    if (error instanceof Lost) view.say("No connection: nothing was downloaded", true);
    else refused(error);
  }
});
for (const [id, is] of [["to-progress", true], ["from-progress", false]]) {
  $(id).addEventListener("click", () => {
    document.body.classList.toggle("shows-progress", is);
    $("to-progress").setAttribute("aria-expanded", String(is));
    (is ? $("from-progress") : $("to-progress")).focus();
  });
}
addEventListener("beforeunload", (event) => {
  if (state.saving) event.preventDefault();
});
addEventListener("online", () => wake());

async function poll() {
  if (document.visibilityState === "visible" && state.progress && !state.saving) {
    try {
      const found = await call("api/progress");
      if (!state.saving) {
        const labels = state.progress.labels.map((each) => each.name).join("\n");
        state.progress = found;
        view.banner("");
        view.showProgress(state);
        if (state.question && labels !== found.labels.map((each) => each.name).join("\n")) {
          view.showLabels(state, give);
        }
      }
    } catch (error) {
      if (error instanceof Lost) view.banner("No connection to the server. All answers so far are saved.");
      else refused(error);
    }
  }
  setTimeout(poll, POLL);
}

function whoIs() {
  const kept = localStorage.getItem("fasttext-lite person");
  $("who-name").value = kept || "me";
  return new Promise((resolve) => {
    $("who").addEventListener("close", () => {
      const name = $("who-name").value.trim() || "me";
      localStorage.setItem("fasttext-lite person", name);
      resolve(name);
    }, { once: true });
    $("who").showModal();
    $("who-name").select();
  });
}

function setPerson(name) {
  state.me = name;
  $("person").textContent = name;
  $("person").setAttribute("aria-label", `Answers are given by ${name}: change the name`);
}

$("person").addEventListener("click", async () => {
  const before = state.me;
  setPerson(await whoIs());
  if (before !== state.me) ask();
});

async function start() {
  takeToken();
  $("keys").replaceChildren(...KEYS.flatMap(([key, what]) => [el("dt", "", el("kbd", "", key)), el("dd", "", what)]));
  $("keys").append(el("dt", "", el("kbd", "", "Shift"), " + a key"), el("dd", "", "with more labels than keys: u, s, n, d, e, f, while nothing is typed"));
  $("hide-guess").checked = state.hidesGuess;
  try {
    state.session = await send("api/session", undefined, "opening the session");
  } catch (error) {
    refused(error);
    return;
  }
  state.progress = state.session.progress;
  $("name").textContent = state.session.name;
  document.title = `${state.session.name}: label texts`;
  view.showProgress(state);
  setPerson(localStorage.getItem("fasttext-lite person") || await whoIs());
  await ask();
  poll();
}

start();
