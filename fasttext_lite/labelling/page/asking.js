// Questions and answers: a text stays until the server has said that its answer is on the disk.

import { List } from "./lists.js";
import { address, call, Lost, Refused } from "./net.js";
import { change, goOn, refused, send, state } from "./server.js";
import { $, counted, quoted, visible } from "./text.js";
import * as view from "./view.js";

const TOO_SOON = 120; // milliseconds in which nobody can have read a text

export function show(question, notice = "") {
  state.question = question;
  state.notice = notice;
  state.chosen = new Set(question && question.answer ? question.answer.labels : []);
  if (state.promise && $("status").textContent === state.promise) view.say("");
  state.shownAt = performance.now();
  view.showQuestion(state, give);
  if (!question || list.isOpen || document.querySelector("dialog[open]")) return;
  if (view.isFiltered(state) && !matchMedia("(pointer: coarse)").matches) $("filter").focus();
  else $("box").focus({ preventScroll: true });
}

export function ask() {
  return change("api/next", { person: state.me }, "asking for the next text", (found) => show(found.question));
}

/** A label was clicked, or its key pressed. */
export function give(label) {
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

/** Whether a key or a click comes before its text can have been seen; it is then not taken. */
function isTooSoon() {
  const soon = performance.now() - state.shownAt < TOO_SOON;
  if (soon) view.say("Not taken: that came before this text could be seen", true);
  return soon;
}

const same = (a, b) => a.length === b.length && a.every((each) => b.includes(each));

export async function answer(labels) {
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
  let sent = { person: state.me, id: q.id, labels, version: q.version, texts: state.session.texts };
  view.say("");
  try {
    let found = await sendAnswer("api/answer", sent, quoted(labels));
    while (found && state.correction && !same(state.correction, sent.labels)) {
      const again = await send(address(`api/texts/${q.id}`, { person: state.me }), undefined, "your correction");
      if (!isMine(again.question.answer, sent.labels)) { // somebody else was quicker than the correction
        meanwhile(again.question);
        return;
      }
      sent = { ...sent, labels: state.correction, version: again.question.version };
      found = await sendAnswer("api/answer", sent, quoted(sent.labels));
    }
    if (found) arrived(found, q.id, sent.labels);
  } catch (error) {
    refused(error);
  } finally {
    state.correction = null;
    goOn();
  }
}

/** Whether an answer is what was sent from here; no labels are those of a text that was skipped. */
const isMine = (given, labels) => Boolean(given) && given.by === state.me && same(given.labels, labels);

/** Show a text that somebody has answered meanwhile. */
function meanwhile(question) {
  const given = question.answer;
  const said = given && given.kind === "label" ? `said: ${quoted(given.labels)}`
    : given ? "skipped this text" : "took the answer back";
  const notice = `Meanwhile ${given ? given.by : "somebody"} ${said}. Nothing was overwritten: `
    + "Enter keeps it, another label replaces it.";
  show({ ...question, asked: state.question ? state.question.asked : question.asked }, notice);
}

/** Send an answer or a skip; null if somebody else had answered meanwhile, who is then shown. */
async function sendAnswer(path, sent, what) {
  try {
    return await send(path, sent, what);
  } catch (error) {
    if (!(error instanceof Refused) || error.status !== 409) throw error;
    // The answer had arrived, and only the word of it was lost.
    if (isMine(error.found.question.answer, sent.labels || [])) {
      return send("api/next", { person: state.me }, "asking for the next text");
    }
    meanwhile(error.found.question);
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

export async function skip() {
  const q = state.question;
  if (!q) return;
  if (state.saving) {
    view.say(`Still saving: ${state.saving}`);
    return;
  }
  if (isTooSoon()) return;
  const sent = { person: state.me, id: q.id, version: q.version, texts: state.session.texts };
  try {
    const found = await sendAnswer("api/skip", sent, "skipping this text");
    if (!found) return;
    state.progress = found.progress;
    state.isFromList = false;
    view.say("Skipped.");
    show(found.question);
    view.showProgress(state);
  } catch (error) {
    refused(error);
  } finally {
    goOn();
  }
}

export async function undo() {
  if (state.saving) {
    state.then = undo;
    return;
  }
  try {
    // Which one it is, is asked first: sent again, it does not take back the one before as well.
    const last = await send(address("api/last", { person: state.me }), undefined, "undo");
    const sent = { person: state.me, ...last, texts: state.session.texts };
    const found = await sendUndo(sent);
    if (found.progress) state.progress = found.progress;
    state.isFromList = false;
    const q = found.question, had = state.given.get(q.id);
    view.say("Taken back: this text is open again.");
    show(q, had && !q.answer ? `You had said: ${quoted(had)}. That is taken back.` : "");
    view.showProgress(state);
  } catch (error) {
    refused(error);
  } finally {
    goOn();
  }
}

/** Take an answer back; where that had arrived already, and only the word of it was lost, go on. */
async function sendUndo(sent) {
  try {
    return await send("api/undo", sent, "undo");
  } catch (error) {
    const isThere = error instanceof Refused && error.status === 409 && !error.found.question.answer;
    if (!isThere) throw error;
    return error.found;
  }
}

export async function showMore() {
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

export const list = new List({
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
