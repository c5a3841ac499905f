"use strict";

const WEAK = 0.05;  // shares of the strongest word that get no colour
let asked = 0;

/** Return the text with the words that speak for a label and against it marked. */
function marked(text, explanation) {
  const place = make("p", "text");
  place.dir = "auto";
  const signs = Array.from(text);  // spans count code points
  const spans = explanation ? explanation.spans : [];
  const most = Math.max(...spans.map(s => Math.abs(s.contribution)), 1e-30);
  let at = 0;
  for (const span of spans) {
    if (span.start > at) place.append(signs.slice(at, span.start).join(""));
    const share = span.contribution / most;
    const word = signs.slice(span.start, span.end).join("");
    at = span.end;
    if (Math.abs(share) < WEAK) {
      place.append(word);
      continue;
    }
    const mark = make("mark", share > 0 ? "for" : "against", word);
    mark.style.setProperty("--s", Math.abs(share).toFixed(2));
    mark.title = (span.contribution > 0 ? "+" : "") + span.contribution.toFixed(3);
    place.append(mark);
  }
  if (at < signs.length) place.append(signs.slice(at).join(""));
  return place;
}

function shown(probability) {
  return (100 * probability).toFixed(1) + " %";
}

/** Return an item of the results: the text, and its labels with bars. */
function item(text, labels) {
  const place = make("li", "result");
  let text_ = marked(text, labels && labels.length ? labels[0].explanation : null);
  place.append(text_);
  if (!labels || !labels.length) {
    place.append(make("p", "faint", "no label"));
    return place;
  }
  const list = make("ul", "labels");
  const buttons = [];
  labels.forEach((found, i) => {
    const name = make("span", "label", found.label);
    name.dir = "auto";
    const button = make("button", "bar", name, make("span", "number", shown(found.probability)));
    button.type = "button";
    button.style.setProperty("--v", (100 * found.probability).toFixed(2) + "%");
    const select = () => {
      buttons.forEach(each => each.setAttribute("aria-pressed", String(each === button)));
      const next = marked(text, found.explanation);
      text_.replaceWith(next);
      text_ = next;
    };
    if (found.explanation) {
      button.setAttribute("aria-pressed", String(i === 0));
      button.addEventListener("focus", select);
      button.addEventListener("click", select);
    } else {
      button.disabled = true;
    }
    buttons.push(button);
    list.append(make("li", "", button));
  });
  place.append(list);
  if (labels[0].explanation && labels[0].explanation.n_features === 0)
    place.append(make("p", "faint", "The model knows nothing of this text: these are the shares of the labels in training."));
  return place;
}

function lines() {
  return byId("texts").value.split(/\r\n|\r|\n/).filter(line => line.trim());
}

/** Return the body of the request that the form stands for. */
function body() {
  const texts = lines();
  const wanted = texts.length === 1 ? {text: texts[0]} : {texts};
  if (!byId("model-line").hidden) wanted.model = byId("model").value;
  wanted.k = Number(byId("k").value) || 1;
  if (byId("explain").checked) wanted.explain = true;
  return wanted;
}

async function classify(event) {
  if (event) event.preventDefault();
  token = byId("token").value;
  const number = ++asked;
  if (!lines().length) {
    byId("texts").focus();
    byId("said").textContent = "Write a text first.";
    return;
  }
  const wanted = body(), texts = lines();
  byId("said").textContent = "Asking …";
  try {
    const answer = await ask("predict", wanted);
    if (number !== asked) return;
    const rows = "text" in wanted ? [answer.labels] : answer.predictions;
    byId("results").replaceChildren(...rows.map((labels, i) => item(texts[i], labels)));
    byId("key").hidden = !wanted.explain;
    byId("said").textContent =
      rows.length + (rows.length === 1 ? " text" : " texts") + " by " + answer.model + " " + answer.version;
    showFault(null);
  } catch (error) {
    if (number !== asked) return;
    byId("said").textContent = "";
    byId("results").replaceChildren();
    byId("key").hidden = true;
    showFault(error);
    if (error.status === 401) askForToken();
  }
}

function askForToken() {
  byId("token-line").hidden = false;
  byId("token").focus();
}

/** Return a word as a shell takes it. */
function quoted(text) {
  return "'" + text.replaceAll("'", "'\\''") + "'";
}

function curl() {
  const address = new URL("predict", document.baseURI).href;
  const parts = ["curl", quoted(address), "--json", quoted(JSON.stringify(body()))];
  if (!byId("token-line").hidden) parts.splice(2, 0, "-H", '"Authorization: Bearer $FASTTEXT_LITE_TOKEN"');
  return parts.join(" ");
}

async function copyCurl() {
  const text = curl();
  try {
    await navigator.clipboard.writeText(text);
    byId("said").textContent = "Copied.";
  } catch {  // not allowed: it is shown, to be copied by hand
    const code = make("code", "command", text);
    byId("said").replaceChildren(code);
    getSelection().selectAllChildren(code);
  }
}

async function about() {
  token = byId("token").value;
  try {
    const models = (await ask("models")).models;
    const model = byId("model"), before = model.value;
    model.replaceChildren(...models.map(each => {
      const option = make("option", "", each.name);
      option.value = each.name;
      return option;
    }));
    if (models.some(each => each.name === before)) model.value = before;
    byId("model-line").hidden = models.length < 2;
    const say = () => {
      const found = models.find(each => each.name === model.value) || models[0];
      const known = found.labels.slice(0, 8).join(", ") + (found.n_labels > 8 ? ", …" : "");
      byId("about").textContent =
        `${found.name}: ${found.kind}, ${found.n_labels.toLocaleString("en")} labels (${known})` +
        (found.error ? `. The newest file is not served: ${found.error}` : "");
      byId("k").max = found.n_labels;
    };
    model.onchange = say;
    say();
  } catch (error) {
    byId("about").textContent = error.status === 401 ? "This server asks for a token." : error.message;
    if (error.status === 401) askForToken();
  }
}

byId("form").addEventListener("submit", classify);
byId("curl").addEventListener("click", copyCurl);
byId("token").addEventListener("change", about);
byId("texts").addEventListener("keydown", event => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) classify(event);
});
about();
