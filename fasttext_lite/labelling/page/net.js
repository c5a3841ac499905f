// Requests to the server, with the token of the address if there is one.

/** The server said no: `status`, and `found`, the JSON that it sent. */
export class Refused extends Error {
  constructor(status, found) {
    const error = (found && found.error) || {};
    const where = error.where ? `${error.where}: ` : "";
    const what = error.what || `the server answered with status ${status}`;
    super(`${where}${what}${error.do ? `; ${error.do}` : ""}`);
    this.status = status;
    this.found = found;
  }
}

/** Nothing came back in time, or the server has no time now: it may be tried again. */
export class Lost extends Error {}

const SECONDS = 20;
const MAY_PASS = [408, 429, 502, 503, 504];

let token = "";

/** Take the token out of the address, which is then without it; keep it while this tab is open. */
export function takeToken() {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given) {
    sessionStorage.setItem("fasttext-lite token", given);
    history.replaceState(null, "", location.pathname + location.search);
  }
  token = sessionStorage.getItem("fasttext-lite token") || "";
}

async function request(path, body) {
  const headers = {};
  if (token) headers.Authorization = `Bearer ${token}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), SECONDS * 1000);
  try {
    const method = body === undefined ? "GET" : "POST";
    const answer = await fetch(path, {
      method, headers, signal: stop.signal, cache: "no-store",
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    if (MAY_PASS.includes(answer.status)) throw new Lost(`status ${answer.status}`);
    return answer.ok ? answer : Promise.reject(new Refused(answer.status, await json(answer)));
  } catch (error) {
    if (error instanceof Lost || error instanceof Refused) throw error;
    throw new Lost(error.message);
  } finally {
    clearTimeout(timer);
  }
}

async function json(answer) {
  try {
    return await answer.json();
  } catch {
    return null;
  }
}

/** Ask once; with a body it is a POST. Returns the JSON of the answer. */
export async function call(path, body) {
  const found = await json(await request(path, body));
  if (found === null) throw new Lost("half an answer");
  return found;
}

/** Save the file of an address under its name. */
export async function download(path, name) {
  const blob = await (await request(path)).blob();
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** Build an address of a path and what is asked; what is empty stays out. */
export function address(path, asked) {
  const words = new URLSearchParams();
  for (const [name, value] of Object.entries(asked)) {
    if (value !== "" && value !== null && value !== undefined) words.set(name, value);
  }
  return `${path}?${words}`;
}
