// Texts as the page shows them: with marked words, and signs in place of control characters.

export const $ = (id) => document.getElementById(id);

/** Make an element with a class and contents: texts, elements, or null for nothing. */
export function el(tag, kind, ...contents) {
  const made = document.createElement(tag);
  if (kind) made.className = kind;
  made.append(...contents.filter((each) => each !== null));
  return made;
}

/** Show control characters as signs of the same length, so that marks keep their places. */
export function visible(text) {
  return text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/g, (sign) =>
    sign === "\u007f" ? "\u2421" : String.fromCharCode(0x2400 + sign.charCodeAt(0)));
}

/** Put a text into a box; words that count for or against the guess are marked. */
export function showText(box, text, marks) {
  const shown = visible(text);
  const parts = [];
  let at = 0;
  for (const mark of [...marks].sort((a, b) => a.start - b.start)) {
    if (mark.start < at || mark.end <= mark.start || mark.end > shown.length) continue;
    parts.push(shown.slice(at, mark.start));
    const word = el("mark", mark.weight < 0 ? "against" : "for", shown.slice(mark.start, mark.end));
    word.style.setProperty("--s", Math.min(1, Math.abs(mark.weight)).toFixed(2));
    parts.push(word);
    at = mark.end;
  }
  box.replaceChildren(...parts, shown.slice(at));
}

/** A name with places where a line may break: after the signs between its words. */
export const broken = (name) => name.split(/(?<=[_\-./:])(?=.)/).flatMap((part, i) =>
  (i ? [document.createElement("wbr"), part] : [part]));

/** Write labels into a sentence; each keeps its own direction. */
export const quoted = (labels) => labels.map((label) => `\u2068${label}\u2069`).join(", ");

/** Write a share as people read it: 86 %; never 100 % of what is not all. */
export function percent(share) {
  const whole = Math.round(share * 100);
  if (whole === 100 && share < 1) return ">\u00a099\u00a0%";
  if (whole === 0 && share > 0) return "<\u00a01\u00a0%";
  return `${whole}\u00a0%`;
}

export const number = (n) => n.toLocaleString("en");

/** Write a number of things: "1 answer", "2 answers". */
export const counted = (n, what) => `${number(n)} ${what}${n === 1 ? "" : "s"}`;
