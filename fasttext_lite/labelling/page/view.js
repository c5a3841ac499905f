// What stands on the screen for a state of the page: the question, its labels, the progress.

import { drawCurve } from "./chart.js";
import { $, broken, counted, el, number, percent, quoted, showText } from "./text.js";

const LONG = 280, SHORT = 90; // characters of a text, for its size
const MOST_BUTTONS = 300; // labels that are shown at once
const WHY = {
  random: "Asked at random: such texts measure the accuracy",
  uncertain: "Asked because the model is unsure",
  diverse: "Asked because it stands for many texts",
  search: "From the search",
  doubtful: "Models that had not seen this answer doubt it",
  again: "Again, as you left it",
};

/** Whether there are more labels than keys: typing finds them then. */
export const isFiltered = (state) => state.progress.labels.some((label) => label.key === "");

const least = (state) => (state.session.several ? 0.5 : 0);

/** The labels that the model would give; none while its guess is hidden. */
export function guessed(state) {
  const q = state.question;
  if (!q || state.hidesGuess) return [];
  const likely = q.guess.filter((each) => each.probability >= least(state));
  return (state.session.several ? likely : likely.slice(0, 1)).map((each) => each.label);
}

/** The labels that Enter gives. */
export function entered(state) {
  return state.chosen.size ? [...state.chosen] : guessed(state);
}

/** The labels that the filter leaves, the likeliest first where there is a filter. */
export function shownLabels(state) {
  const labels = state.progress.labels;
  if (!isFiltered(state)) return labels;
  const wanted = $("filter").value.trim().toLowerCase();
  const rank = new Map();
  if (!state.hidesGuess && state.question) {
    state.question.guess.forEach((each, i) => rank.set(each.label, i));
  }
  const key = (label) => {
    const name = label.name.toLowerCase();
    const begins = wanted === "" ? 0 : name === wanted ? 0 : name.startsWith(wanted) ? 1 : 2;
    return [state.chosen.has(label.name) && wanted === "" ? 0 : 1, begins,
      rank.has(label.name) ? rank.get(label.name) : 99];
  };
  return labels
    .filter((label) => wanted.split(/\s+/).every((word) => label.name.toLowerCase().includes(word)))
    .map((label, i) => [...key(label), i, label])
    .sort((a, b) => a[0] - b[0] || a[1] - b[1] || a[2] - b[2] || a[3] - b[3])
    .map((each) => each[4]);
}

function button(state, label, isGuess, probability, give) {
  const made = el("button", "label-button",
    label.key ? el("kbd", "", label.key) : null,
    el("span", "label", ...broken(label.name)),
    probability === undefined ? null : el("span", "probability", percent(probability)));
  made.type = "button";
  made.querySelector(".label").dir = "auto";
  made.title = label.name;
  const isChosen = state.chosen.has(label.name);
  made.classList.toggle("guess", isGuess);
  made.classList.toggle("chosen", isChosen);
  if (state.session.several || isChosen) made.setAttribute("aria-pressed", String(isChosen));
  made.dataset.label = label.name;
  if (probability !== undefined) made.style.setProperty("--p", probability.toFixed(3));
  made.addEventListener("click", () => give(label.name));
  return made;
}

/** Show the labels of the question; `give` is called with the one that is clicked. */
export function showLabels(state, give) {
  const filtered = isFiltered(state);
  $("find").hidden = !filtered;
  document.body.classList.toggle("types", filtered);
  const probabilities = new Map();
  if (!state.hidesGuess && state.question) {
    state.question.guess.forEach((each) => probabilities.set(each.label, each.probability));
  }
  const guesses = guessed(state), found = shownLabels(state);
  const buttons = found.slice(0, MOST_BUTTONS).map((label) =>
    button(state, label, guesses.includes(label.name), probabilities.get(label.name), give));
  if (filtered && $("filter").value.trim() && buttons.length) buttons[0].classList.add("first");
  if (found.length > MOST_BUTTONS) {
    buttons.push(el("p", "faint", `and ${number(found.length - MOST_BUTTONS)} more: type to find them`));
  }
  if (!state.progress.labels.length) {
    buttons.push(el("p", "", "There is no label yet: ", el("kbd", "", "n"), " makes the first one."));
  } else if (!found.length) {
    buttons.push(el("p", "wide", "No label has this in its name: the button New label makes one."));
  }
  $("labels").replaceChildren(...buttons);
  $("labels").classList.toggle("many", filtered);
  const confirm = document.querySelector("#commands [data-do=confirm]");
  confirm.hidden = !state.session.several;
  confirm.disabled = !entered(state).length;
}

function showGuess(state) {
  const q = state.question, line = $("guess");
  if (state.hidesGuess) {
    line.replaceChildren(el("span", "faint", "The model's guess is hidden."));
    return;
  }
  if (!q.guess.length) {
    line.replaceChildren(el("span", "faint", "No guess: the model has too few answers yet."));
    return;
  }
  const name = (each) => {
    const label = el("span", "label", each.label);
    label.dir = "auto";
    return label;
  };
  const best = q.guess[0];
  const parts = ["Guess: ", name(best), ` ${percent(best.probability)}`];
  const others = el("span", "faint others");
  q.guess.slice(1, 3).forEach((each) => others.append(" · ", name(each), ` ${percent(each.probability)}`));
  parts.push(others);
  if (q.marks.length) {
    const legend = el("span", "legend faint", "words ", el("mark", "for", "for it"));
    if (q.marks.some((mark) => mark.weight < 0)) legend.append(" ", el("mark", "against", "against it"));
    parts.push(legend);
  }
  line.replaceChildren(...parts);
}

function was(q) {
  if (!q.answer) return "";
  if (q.answer.kind === "skip") return `${q.answer.by} skipped this text.`;
  return `${q.answer.by} said: ${quoted(q.answer.labels)}. Enter keeps it.`;
}

/** Show the question, or that there is none. */
export function showQuestion(state, give) {
  const q = state.question;
  for (const id of ["why", "box", "guess", "choose"]) $(id).hidden = !q;
  $("end").hidden = Boolean(q);
  document.body.classList.toggle("at-end", !q);
  for (const name of ["skip", "confirm"]) {
    document.querySelector(`#commands [data-do=${name}]`).disabled = !q;
  }
  if (!q) {
    showEnd(state);
    return;
  }
  $("why").textContent = WHY[q.asked] || "";
  showWas(state.notice || was(q));
  const box = $("text");
  showText(box, q.text, state.hidesGuess ? [] : q.marks);
  box.classList.toggle("short", q.text.length <= SHORT);
  box.classList.toggle("long", q.text.length > LONG);
  $("more").hidden = !q.is_cut;
  $("box").scrollTop = 0;
  $("filter").value = "";
  showGuess(state);
  showLabels(state, give);
}

/** Say what was answered before; an empty text hides the line. */
export function showWas(text) {
  $("was").hidden = !text;
  $("was").textContent = text;
}

function showEnd(state) {
  const p = state.progress, left = p.n_texts - p.n_answered - p.n_skipped;
  showWas("");
  $("end-title").textContent = left > 0 ? "Nothing to ask just now" : "All answered";
  const skipped = p.n_skipped ? `, ${number(p.n_skipped)} of them skipped` : "";
  $("end-text").textContent = left > 0
    ? `The last ${counted(left, "text")} are open with somebody else.`
    : `${counted(p.n_answered + p.n_skipped, "text")} are done${skipped}. The answers are in ${state.session.output}.`;
  document.querySelector("#commands [data-do=confirm]").hidden = true;
}

function modelLine(p) {
  const m = p.model;
  const fresh = p.n_since_model ? `; ${counted(p.n_since_model, "answer")} more since` : "";
  if (m.is_busy) return m.is_there ? `learning… (knows ${counted(m.n_answers, "answer")})` : "learning…";
  return m.is_there ? `knows ${counted(m.n_answers, "answer")}${fresh}` : "waits for the first answers";
}

/** Show how far it has come. */
export function showProgress(state) {
  const p = state.progress, a = p.accuracy;
  $("n-answered").textContent = number(p.n_answered);
  const skipped = p.n_skipped ? `, ${number(p.n_skipped)} skipped` : "";
  $("n-texts").textContent = `of ${counted(p.n_texts, "text")}${skipped}`;
  $("share").style.setProperty("--v", p.n_texts ? (p.n_answered + p.n_skipped) / p.n_texts : 0);
  $("people").textContent = p.people.length > 1
    ? p.people.map(([name, n]) => `${name} ${number(n)}`).join(" · ") : "";
  $("accuracy").textContent = a ? percent(a.value) : "–";
  const inside = a ? `${Math.floor(a.low * 100)}–${Math.ceil(a.high * 100)}` : "";
  $("interval").textContent = a ? `(${inside})` : "";
  $("accuracy-from").textContent = a
    ? `from ${counted(a.n_random, "text")} asked at random; with 95\u00a0% confidence it is between the two`
    : "is known after ten texts asked at random";
  drawCurve($("curve"), p.curve);
  $("model").textContent = modelLine(p);
  $("model-note").hidden = !p.model.note;
  $("model-note").textContent = p.model.note;
  $("summary").textContent = `${number(p.n_answered)} of ${number(p.n_texts)}`
    + (a ? ` · ${interval(a)}` : "");
  showCounts(p.labels);
  showTraining(state);
}

function showCounts(labels) {
  const most = Math.max(1, ...labels.map((label) => label.n));
  const sorted = labels.length > 20 ? [...labels].sort((a, b) => b.n - a.n) : labels;
  const lines = sorted.slice(0, 200).map((label) => {
    const name = el("span", "label", ...broken(label.name));
    name.dir = "auto";
    const line = el("li", "", name, el("span", "count", number(label.n)));
    line.style.setProperty("--v", label.n / most);
    return line;
  });
  if (labels.length > 200) lines.push(el("li", "faint", `and ${labels.length - 200} more`));
  $("counts").replaceChildren(...lines);
}

const interval = (a) => `${percent(a.value)} (${Math.floor(a.low * 100)}–${Math.ceil(a.high * 100)})`;

function showTraining(state) {
  const t = state.progress.training;
  const accuracy = t.accuracy
    ? ` While you labelled, ${interval(t.accuracy)} of the guesses for ${counted(t.accuracy.n_random, "random text")} were right.`
    : "";
  $("train-text").textContent = {
    none: `A model is trained from all answers${state.session.several ? "" : ", and from the texts without one"}, `
      + `and written to ${state.session.model}.`,
    running: `Training… ${t.message || ""} (${t.seconds.toFixed(0)} s)`,
    done: `The model is in ${t.path}${t.message ? `, ${t.message}` : ""} (${t.seconds.toFixed(1)} s).${accuracy}`,
    failed: `It failed: ${t.message}`,
  }[t.state];
  $("train-commands").hidden = t.state !== "done";
  $("train-commands").textContent = state.session.commands.join("\n");
  for (const each of document.querySelectorAll("[data-do=train], #end-train")) {
    each.disabled = t.state === "running";
    each.textContent = t.state === "running" ? "Training…" : "Train a model";
  }
}

/** Say something that is seen and heard: what was saved, or why a key did nothing. */
export function say(text, isError = false) {
  $("status").textContent = text;
  $("status").classList.toggle("error", isError);
}

/** Say in a bar above all that something is wrong; empty takes the bar away. */
export function banner(text, mayTry = false) {
  $("banner").hidden = !text;
  if ($("banner-text").textContent !== text) $("banner-text").textContent = text;
  $("banner-again").hidden = !mayTry;
}
