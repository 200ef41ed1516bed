// Questions to the collector. A forgotten session leads to the login; an error is what the collector says is wrong.

export class Refused extends Error {
  constructor(status, told) {
    super(told);
    this.status = status;
  }
}

async function answered(path, asked, type) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(asked)) {
    if (value !== undefined && value !== null && value !== "" && String(value) !== "") query.append(name, value);
  }
  const answer = await fetch(`${path}${query.size ? `?${query}` : ""}`, { headers: { accept: type } });
  if (answer.status === 401) {
    location.assign(`/login${location.hash}`);
    return new Promise(() => {});
  }
  if (answer.ok) return answer;
  const told = await answer.json().catch(() => ({}));
  throw new Refused(answer.status, told.detail ?? told.error ?? answer.statusText);
}

/** The answer of `/api/v1/…`; lists are joined by commas. */
export async function ask(path, asked = {}) {
  return (await answered(`/api/v1/${path}`, asked, "application/json")).json();
}

/** The figures of `/metrics`, by name; those with labels are left out. */
export async function figures() {
  const text = await (await answered("/metrics", {}, "text/plain")).text();
  const found = new Map();
  for (const line of text.split("\n")) {
    const told = /^([a-z_]+) ([-+0-9.e]+)$/.exec(line);
    if (told) found.set(told[1], Number(told[2]));
  }
  return found;
}

export const health = async () => (await fetch("/health")).json();

/** The rows of a table that came by columns. */
export function rowsOf(told) {
  const names = Object.keys(told.columns);
  return Array.from({ length: told.rows }, (_, place) =>
    Object.fromEntries(names.map((name) => [name, told.columns[name][place]])));
}

const kept = new Map();

/** The answer of a question that does not change while the page is open, asked once. */
export function askOnce(path, asked = {}) {
  const key = JSON.stringify([path, asked]);
  if (!kept.has(key)) kept.set(key, ask(path, asked).catch((error) => { kept.delete(key); throw error; }));
  return kept.get(key);
}
