// What the page knows, and how it tells the server: one request that changes something at a time.

import { call, Lost, Refused } from "./net.js";
import * as view from "./view.js";

const WAITS = [500, 1000, 2000, 4000, 8000]; // milliseconds before the next try

export const state = {
  me: "", session: null, progress: null, question: null, chosen: new Set(), notice: "",
  hidesGuess: localStorage.getItem("fasttext-lite hides guess") === "1",
  saving: "", // what is on its way: nothing else is sent meanwhile
  correction: null, // labels pressed while the answer before them was on its way
  then: null, // what to do when it has arrived
  given: new Map(), // labels that this page has given, by text: shown when they are taken back
  shownAt: 0, isFromList: false,
  isOver: false, // the server has other texts now: only loading the page again helps
};
let wake = () => {};

/** Try again now what is waiting for its next try. */
export const tryNow = () => wake();

/** Send what changes something; tried again until the server has answered. */
export async function send(path, body, what) {
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
export function refused(error) {
  if (!(error instanceof Refused)) throw error;
  if (error.status === 401 || error.status === 403) {
    view.banner("The server does not let this page in: open the address that the command printed, with its token.");
  } else if (error.status === 410) {
    state.isOver = true;
    view.banner("The server was started with other texts: load the page again. This answer was not taken.");
  } else {
    view.say(error.message, true);
  }
}

/** Do what asks the server; refusals are told, and a second request at a time is not made. */
export async function change(path, body, what, done) {
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
export function goOn() {
  const then = state.then;
  state.then = null;
  if (then) then();
}
