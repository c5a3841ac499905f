// The page of `fasttext-lite label`: begins, and does what stands beside questions and answers.

import { answer, ask, give, list, showMore, skip, undo } from "./asking.js";
import { listen } from "./keys.js";
import { call, download, Lost, Refused, takeToken } from "./net.js";
import { change, refused, send, state, tryNow } from "./server.js";
import { $, counted, quoted } from "./text.js";
import * as view from "./view.js";

const POLL = 2000; // milliseconds

function openNew() {
  $("new-name").value = view.isFiltered(state) ? $("filter").value.trim() : "";
  $("new-error").hidden = true;
  $("new").showModal();
}

/** Make a label; one that is there since now, as the word of it was lost or by another, does too. */
async function makeLabel(name, before) {
  const has = (labels) => labels.some((each) => each.name === name);
  try {
    return await send("api/labels", { name, person: state.me }, `new label ${quoted([name])}`);
  } catch (error) {
    if (!(error instanceof Refused) || has(before)) throw error;
    const progress = await send("api/progress", undefined, `new label ${quoted([name])}`);
    if (!has(progress.labels)) throw error;
    return { progress };
  }
}

$("new").querySelector("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const name = $("new-name").value.trim();
  if (!name) return;
  if (state.saving) {
    $("new-error").hidden = false;
    $("new-error").textContent = `Still saving: ${state.saving}`;
    return;
  }
  const before = state.progress.labels;
  try {
    const found = await makeLabel(name, before);
    state.progress = found.progress;
    $("new").close();
    if (!state.session.several) state.chosen.clear();
    state.chosen.add(name);
    $("filter").value = "";
    view.showProgress(state);
    if (state.question) {
      view.showLabels(state, give);
      state.promise = `New label: ${quoted([name])}. Enter gives it to this text.`;
      view.say(state.promise);
      $("box").focus({ preventScroll: true });
    }
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    $("new-error").hidden = false;
    $("new-error").textContent = error.message;
  }
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
  if (!$("export-text").textContent) $("export-text").textContent = `An export writes all answers to ${state.session.output}; training needs none.`;
  showDone();
  change("api/train", { person: state.me }, "training", () => {});
}

function hideGuess() {
  state.hidesGuess = !state.hidesGuess;
  localStorage.setItem("fasttext-lite hides guess", state.hidesGuess ? "1" : "0");
  $("hide-guess").checked = state.hidesGuess;
  if (!state.question) return;
  view.showQuestion(state, give);
}

const COMMANDS = {
  undo, skip, new: openNew, search: () => openList("search"), doubtful: () => openList("doubtful"),
  help: () => $("help").showModal(), export: exportAll, train, hide: hideGuess, confirm: () => answer(view.entered(state)),
};
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
$("banner-again").addEventListener("click", tryNow);
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
addEventListener("online", tryNow);

async function poll() {
  if (document.visibilityState === "visible" && state.progress && !state.saving && !state.isOver) {
    try {
      const found = await call("api/progress");
      if (!state.saving && !state.isOver) {
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
  listen(COMMANDS);
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
