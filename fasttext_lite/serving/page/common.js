"use strict";
// What both pages share. Text of others reaches the page as text alone, never as HTML.

let token = "";

/** Return a new element with a class and some children, texts or elements. */
function make(name, kind, ...children) {
  const made = document.createElement(name);
  if (kind) made.className = kind;
  made.append(...children);
  return made;
}

function byId(id) {
  return document.getElementById(id);
}

/** Ask the server; return what it answers. A fault is an Error with where and what to do. */
async function ask(path, body) {
  const headers = {};
  if (token) headers["Authorization"] = "Bearer " + token;
  const how = {headers};
  if (body !== undefined) {
    headers["Content-Type"] = "application/json";
    how.method = "POST";
    how.body = JSON.stringify(body);
  }
  let answer, values;
  try {
    answer = await fetch(path, how);
  } catch {
    throw Object.assign(new Error("the server cannot be reached"), {status: 0, do: "is it running?"});
  }
  try {
    values = await answer.json();
  } catch {
    values = {error: {what: "the answer is no JSON", where: "", do: ""}};
  }
  if (answer.ok) return values;
  const fault = values.error || {what: "status " + answer.status};
  throw Object.assign(new Error(fault.what), {status: answer.status, where: fault.where, do: fault.do});
}

function showFault(error) {
  const place = byId("fault");
  place.hidden = !error;
  place.replaceChildren();
  if (!error) return;
  place.append(make("b", "", (error.where ? error.where + ": " : "") + error.message));
  if (error.do) place.append(make("div", "", error.do));
}
