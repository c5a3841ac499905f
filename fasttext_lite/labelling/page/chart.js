// The curve of the accuracy over the answers, with its interval.

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 280, HEIGHT = 96, LEFT = 40, RIGHT = 8, TOP = 8, BOTTOM = 20;

function part(tag, attributes, text) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

/** Draw the curve into a box; nothing where there are fewer than two points. */
export function drawCurve(box, points) {
  if (points.length < 2) {
    box.replaceChildren();
    return;
  }
  const last = points[points.length - 1];
  const lowest = Math.min(...points.map((p) => p.low));
  const bottom = Math.max(0, Math.floor(lowest * 5) / 5);
  const first = points[0].n_answers, span = Math.max(1, last.n_answers - first);
  const x = (n) => (LEFT + ((n - first) / span) * (WIDTH - LEFT - RIGHT)).toFixed(1);
  const y = (v) => (TOP + ((1 - v) / Math.max(0.01, 1 - bottom)) * (HEIGHT - TOP - BOTTOM)).toFixed(1);
  const line = (key) => points.map((p) => `${x(p.n_answers)},${y(p[key])}`);
  const image = part("svg", {
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "curve", role: "img",
    "aria-label": `Accuracy after ${first} answers ${Math.round(points[0].value * 100)} %, after `
      + `${last.n_answers} answers ${Math.round(last.value * 100)} %`,
  });
  for (const [value, name] of [[1, "100 %"], [bottom, `${Math.round(bottom * 100)} %`]]) {
    image.append(
      part("line", { x1: LEFT, x2: WIDTH - RIGHT, y1: y(value), y2: y(value), class: "axis" }),
      part("text", { x: LEFT - 5, y: +y(value) + 3.5, "text-anchor": "end" }, name),
    );
  }
  image.append(
    part("polygon", { points: [...line("high"), ...line("low").reverse()].join(" "), class: "band" }),
    part("polyline", { points: line("value").join(" "), class: "line" }),
    part("circle", { cx: x(last.n_answers), cy: y(last.value), r: 3, class: "dot" }),
    part("text", { x: LEFT, y: HEIGHT - 5 }, `${first} answers`),
    part("text", { x: WIDTH - RIGHT, y: HEIGHT - 5, "text-anchor": "end" }, `${last.n_answers}`),
  );
  box.replaceChildren(image);
}
