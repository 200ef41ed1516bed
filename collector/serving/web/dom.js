// Elements of the page. Text from outside goes in by textContent only.

export const byId = (id) => document.getElementById(id);

/** A new element: `set` holds its properties, `data-…` and `aria-…` its attributes; children are elements or text. */
export function element(tag, set = {}, ...children) {
  const made = document.createElement(tag);
  for (const [key, value] of Object.entries(set)) {
    if (value === undefined || value === null) continue;
    if (key.includes("-") || key === "role" || key === "for" || key === "scope") made.setAttribute(key, value);
    else made[key === "class" ? "className" : key === "text" ? "textContent" : key] = value;
  }
  made.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
  return made;
}

const SVG = "http://www.w3.org/2000/svg";

/** A new element of a drawing. */
export function drawn(tag, set = {}, ...children) {
  const made = document.createElementNS(SVG, tag);
  for (const [key, value] of Object.entries(set)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

export function put(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Fill a select with [value, text] pairs and choose one of them; the first if it is not there. */
export function offer(select, pairs, chosen) {
  const shape = JSON.stringify(pairs);
  if (select.dataset.shape !== shape) {
    select.dataset.shape = shape;
    select.replaceChildren(...pairs.map(([value, text]) => element("option", { value, text })));
  }
  const values = pairs.map(([value]) => value);
  select.value = values.includes(chosen) ? chosen : values[0] ?? "";
  return select.value;
}

/** A label with its control. */
export function field(text, control) {
  return element("label", { class: "field" }, element("span", { text }), control);
}

/** A table in a region that scrolls by keyboard too; cells are text, or elements; `head` is of [text, is a number]. */
export function table(caption, head, rows, set = {}) {
  const made = element("table", set);
  made.append(element("caption", { class: "hidden", text: caption }));
  const line = element("tr");
  for (const [text, numeric] of head) line.append(element("th", { scope: "col", text, class: numeric ? "number" : "" }));
  made.append(element("thead", {}, line));
  const body = element("tbody");
  for (const cells of rows) {
    body.append(element("tr", {}, ...cells.map((cell, place) => cellOf(cell, place, head[place]?.[1]))));
  }
  made.append(body);
  return element("div", { class: "scroll", role: "region", tabIndex: 0, "aria-label": caption }, made);
}

function cellOf(cell, place, numeric) {
  const set = { class: numeric ? "number" : "" };
  const made = place === 0 ? element("th", { ...set, scope: "row" }) : element("td", set);
  made.append(cell instanceof Node ? cell : String(cell ?? "–"));
  return made;
}

/** Where a view says that it waits, that there is nothing, or that it failed. */
export function notice(kind, text) {
  return element("p", { class: `notice ${kind}`, role: kind === "failed" ? "alert" : "status", text });
}
