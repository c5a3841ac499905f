// The panel of texts that were found, or whose answers the model doubts.

import { address, call } from "./net.js";
import { $, counted, el, percent, visible } from "./text.js";

const COUNT = 30; // rows that are asked for at a time
const SHOWN = 300; // characters of a text in a row

/** The panel: `open(kind)` shows it, `onOpen(row)` is called with the row that is taken. */
export class List {
  constructor({ onOpen, onClose, onError }) {
    Object.assign(this, { onOpen, onClose, onError });
    this.kind = "";
    this.rows = [];
    this.at = 0;
    this.asked = 0; // of the newest request: answers to older ones are dropped
    this.isOpen = false;
    $("list-close").addEventListener("click", () => this.close());
    $("list-more").addEventListener("click", () => this.load(this.rows.length));
    $("search").addEventListener("submit", (event) => {
      event.preventDefault();
      this.takeOf($("words").value);
    });
    for (const id of ["of-label", "of-answer"]) $(id).addEventListener("change", () => this.load(0));
    $("words").addEventListener("input", () => {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.load(0), 200);
    });
  }

  /** Open the panel with rows asked anew. */
  open(kind, labels) {
    this.kind = kind;
    this.isOpen = true;
    $("list").hidden = false;
    $("search").hidden = kind !== "search";
    $("list-about").hidden = kind !== "doubtful";
    $("list-title").textContent = kind === "search" ? "Search" : "Doubtful answers";
    const was = $("of-label").value;
    $("of-label").replaceChildren(new Option("any", ""), ...labels.map((each) => new Option(each.name, each.name)));
    $("of-label").value = labels.some((each) => each.name === was) ? was : "";
    this.rows = [];
    this.load(0);
    this.show(false, 0);
    (kind === "search" ? $("words") : $("rows")).focus();
    if (kind === "search") $("words").select();
  }

  /** Show the panel again as it was left, so many rows further. */
  resume(steps) {
    this.isOpen = true;
    $("list").hidden = false;
    this.walk(steps);
    $("rows").focus();
  }

  /** Say what became of the row that was taken. */
  mark(labels) {
    if (this.rows[this.at]) this.rows[this.at] = { ...this.rows[this.at], labels, isDone: true };
    this.show(!$("list-more").hidden, this.n);
  }

  /** Hide the panel; the question below is there again. What is still looked for is dropped. */
  close(isTaken = false) {
    this.isOpen = this.isLoading = false;
    clearTimeout(this.timer);
    this.asked++;
    $("list").hidden = true;
    if (!isTaken) this.onClose();
  }

  /** Ask for rows; returns whether they came before others were asked for. */
  async load(start) {
    const mine = ++this.asked, words = $("words").value;
    this.isLoading = true;
    clearTimeout(this.timer);
    const path = this.kind === "search"
      ? address("api/search", {
        q: words, start, count: COUNT, label: $("of-label").value,
        answered: $("of-answer").value,
      })
      : address("api/doubtful", { start, count: COUNT });
    try {
      const found = await call(path);
      if (mine !== this.asked) return false;
      this.isLoading = false;
      this.words = words;
      this.rows = start ? this.rows.concat(found.rows) : found.rows;
      if (!start) this.at = 0;
      this.show(found.is_more, found.n_found);
      return true;
    } catch (error) {
      if (mine === this.asked) this.onError(error);
      return false;
    }
  }

  show(isMore, n) {
    this.n = n;
    $("rows").replaceChildren(...this.rows.map((row, i) => this.line(row, i)));
    $("list-more").hidden = !isMore;
    const none = this.kind === "search" ? "No text has these words." : "The model doubts no answer.";
    $("found").textContent = this.rows.length
      ? isMore ? `the first ${counted(this.rows.length, "text")}` : counted(Math.max(n, this.rows.length), "text")
      : this.isLoading ? "Looking…" : none;
    this.point();
  }

  line(row, i) {
    const text = el("span", "row-text", visible(row.text.slice(0, SHOWN)));
    text.dir = "auto";
    const facts = el("span", "row-facts");
    const name = (label, kind) => {
      const made = el("span", `label ${kind}`, label);
      made.dir = "auto";
      return made;
    };
    if (row.labels.length) {
      row.labels.forEach((label) => facts.append(name(label, "given"), " "));
    } else {
      facts.append(el("span", "faint", "no answer"));
    }
    if (row.guess) facts.append(el("span", "faint", " · guess "), name(row.guess, ""), ` ${percent(row.probability)}`);
    if (this.kind === "doubtful") facts.append(el("span", "faint", ` · doubted ${percent(row.score)}`));
    if (row.isDone) facts.append(el("span", "kept", " ✓ saved"));
    const made = el("li", "", text, facts);
    made.id = `row-${i}`;
    made.setAttribute("role", "option");
    made.addEventListener("click", () => {
      this.at = i;
      this.take();
    });
    return made;
  }

  point() {
    [...$("rows").children].forEach((line, i) => {
      line.setAttribute("aria-selected", String(i === this.at));
      if (i === this.at) line.scrollIntoView({ block: "nearest" });
    });
    $("rows").setAttribute("aria-activedescendant", this.rows.length ? `row-${this.at}` : "");
  }

  walk(steps) {
    this.at = Math.max(0, Math.min(this.rows.length - 1, this.at + steps));
    this.point();
  }

  /** Take the row of what was typed: the rows that are seen may be those of other words still. */
  async takeOf(words) {
    if ((words !== this.words || this.isLoading) && !(await this.load(0))) return;
    this.take();
  }

  take() {
    const row = this.rows[this.at];
    if (row) this.onOpen(row);
  }

  /** Take a key while the panel is open; returns whether it was one of the panel's. */
  key(key, isTyping) {
    if (key === "Escape") this.close();
    else if (key === "ArrowDown" || (key === "j" && !isTyping)) this.walk(1);
    else if (key === "ArrowUp" || (key === "k" && !isTyping)) this.walk(-1);
    else if (key === "Enter" && !isTyping) this.take();
    else if (key === "/" && !isTyping && this.kind === "search") $("words").focus();
    else return false;
    return true;
  }
}
