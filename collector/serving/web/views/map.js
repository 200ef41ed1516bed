// The cities on a map, coloured by any indicator against a limit, a guideline, or each other; beside it the same as a list.

import { ask, askOnce } from "../api.js";
import { drawn, element, field, notice, offer, put } from "../dom.js";
import { drawingPicture } from "../export.js";
import { age, clock, DAY, HOUR, iso, number } from "../format.js";
import { t } from "../i18n.js";
import { hrefOf, remember } from "../route.js";
import { citiesHeard, cityName, entryOf, indicatorsHeard, lastOf, nameOf, newest, originOf, readable, state, unitOf, unitSaid } from "../store.js";
import { leftOut } from "./asked.js";

const LENGTHS = { "1 h": HOUR, "8 h": 8 * HOUR, "24 h": DAY, annual: 365 * DAY };
const LEAST = 0.75; // of a mean's hours or days, as everywhere in a comparison
const REFRESH = 15000;
const STEPS = ["step-0", "step-1", "step-2", "step-3", "step-4", "step-5"];
const REGION = { west: 91, east: 142, south: -12, north: 29 };

let parts, levels, ready, means, asked, box, picked, level, chosen, world, shape, wished, turn = 0;

export function open(root, params) {
  [picked, level, chosen] = [params.get("indicator"), params.get("level"), params.get("city")];
  [means, asked, box, shape] = [new Map(), 0, null, ""];
  [levels, ready, wished] = [{}, false, { indicator: picked, level }];
  parts = build(root);
  const mine = ++turn;
  Promise.all([askOnce("dashboard/levels"), outlines()]).then(([told, shapes]) => {
    if (mine !== turn) return;
    levels = told.levels;
    [world, ready] = [shapes, true];
    drawLand();
    update({ fresh: true });
  }, (error) => mine === turn && parts.failed.replaceChildren(notice("failed", t("state.failed", { error: error.message }))));
  return { update, close: () => { turn++; }, table, picture, address: () => ({ indicator: picked, level }) };
}

let kept = null;
function outlines() {
  kept ??= fetch("/static/world.json").then((answer) => answer.json()).catch((error) => { kept = null; throw error; });
  return kept;
}

function build(root) {
  const indicator = element("select", { id: "map-indicator" });
  const measure = element("select", { id: "map-level" });
  indicator.addEventListener("change", () => { picked = indicator.value; level = null; parts.strange.replaceChildren(); remember({ indicator: picked, level }); update({ fresh: true }); });
  measure.addEventListener("change", () => { level = measure.value; parts.strange.replaceChildren(); remember({ level }); update({ fresh: true }); });
  const [land, marks] = [drawn("g", { class: "land" }), drawn("g", { class: "marks" })];
  const map = drawn("svg", { class: "map", role: "img", "aria-label": t("map.label"), preserveAspectRatio: "xMidYMid meet" }, land, marks);
  const button = (text, label, act) => {
    const made = element("button", { type: "button", text, "aria-label": label, title: label });
    made.addEventListener("click", act);
    return made;
  };
  const tools = element("div", { class: "map-tools" }, button("+", t("map.nearer"), () => zoom(1 / 1.6)),
    button("−", t("map.farther"), () => zoom(1.6)), button("⌂", t("map.all"), () => { box = null; place(); }));
  const list = element("ul", { class: "places", role: "list", "aria-label": t("map.list") });
  list.addEventListener("keydown", walk);
  const [legend, note, failed, strange] = [element("div", { class: "legend" }), element("p", { class: "note" }), element("div"), element("div")];
  const hint = element("p", { class: "note", text: t("map.hint") });
  root.append(
    element("div", { class: "controls" }, field(t("indicator"), indicator), field(t("map.measure"), measure)), strange, failed,
    element("div", { class: "map-and-list" },
      element("section", { class: "panel map-panel" }, element("div", { class: "map-frame" }, map, tools), legend, note),
      element("section", { class: "panel" }, element("h3", { text: t("map.list") }), hint, list)),
  );
  draggable(map);
  new ResizeObserver(() => place()).observe(map);
  return { indicator, measure, map, land, marks, list, legend, note, failed, strange, rows: new Map() };
}

function drawLand() {
  parts.land.replaceChildren(drawn("path", { d: world.far, class: "far" }),
    ...world.near.map(({ id, d }) => drawn("path", { d, class: "near", "data-country": id })));
}

// ---- what is shown ----------------------------------------------------------------------------------------------

function update({ fresh }) {
  if (!ready) return;
  const heard = indicatorsHeard();
  if (!heard.length) return showEmpty();
  const now = JSON.stringify(heard);
  if (now !== shape || fresh) {
    shape = now;
    picked = offer(parts.indicator, heard.map((one) => [one, nameOf(one)]), heard.includes(picked) ? picked : "pm25") || null;
    level = offer(parts.measure, [["cities", t("map.cities")], ...(levels[picked] ?? []).map((one) => [keyOf(one), saidOf(one)])],
      offered(level) ? level : preferred());
  }
  if (wished) {
    parts.strange.replaceChildren(...leftOut([["indicator", wished.indicator, picked === wished.indicator], ["level", wished.level, level === wished.level]]));
    wished = null;
  }
  if (fresh) means.clear();
  show();
  if (fresh || Date.now() - asked > REFRESH) askMeans();
}

const offered = (key) => key === "cities" || (levels[picked] ?? []).some((one) => keyOf(one) === key);
const keyOf = (one) => `${one.authority}/${LENGTHS[one.averaging]}`;
const ruling = () => (levels[picked] ?? []).find((one) => keyOf(one) === level) ?? null;
const saidOf = (one) => t("map.level", {
  name: t(`authority.${one.authority}`), level: number(one.level), unit: unitOf(picked), mean: t(`mean.${one.averaging}`),
});

function preferred() {
  const held = (levels[picked] ?? []).find((one) => one.averaging === "24 h") ?? levels[picked]?.[0];
  return held ? keyOf(held) : "cities";
}

/** The means that the level is of, over the time before the newest reading, where enough of it is known. */
async function askMeans() {
  const now = newest();
  const rule = ruling();
  if (now === null || !rule) return;
  asked = Date.now();
  const mine = [picked, level, state.run].join();
  const span = LENGTHS[rule.averaging];
  const bucket = readable(span > 30 * DAY ? DAY : HOUR);
  const start = Math.floor((now - span) / bucket) * bucket + bucket;
  try {
    const told = await ask("read", { run: state.run, indicator: picked, start: iso(start), end: iso(now + 1), bucket, format: "json", unknown: "empty" });
    if (mine !== [picked, level, state.run].join()) return;
    means = meansOf(told.columns, Math.round(span / bucket));
    parts.failed.replaceChildren();
    show();
  } catch (error) {
    parts.failed.replaceChildren(notice("failed", t("state.failed", { error: error.message })));
  }
}

function meansOf({ city, value }, possible) {
  const sums = new Map();
  city.forEach((id, place) => {
    if (value[place] === null) return;
    const held = sums.get(id) ?? { n: 0, sum: 0 };
    sums.set(id, { n: held.n + 1, sum: held.sum + value[place] });
  });
  return new Map([...sums].map(([id, { n, sum }]) => [id, { value: sum / n, share: Math.min(1, n / possible) }]));
}

/** A city's value, its step on the scale (-1: not judged) and the words for both. */
function told(id) {
  const last = lastOf(id, picked);
  const rule = ruling();
  if (!rule) return { last, value: last?.value ?? null, step: last ? stepAmong(last.value) : -1, word: last ? "" : t("map.nothing") };
  const mean = means.get(id);
  if (!mean) return { last, value: null, step: -1, word: t(last ? "map.unknown" : "map.nothing") };
  if (mean.share < LEAST) return { last, value: mean.value, step: -1, word: t("map.few") };
  const step = bounds(rule).filter((bound) => mean.value > bound).length;
  return { last, value: mean.value, step, word: step ? t("map.over", { n: number(mean.value / rule.level) }) : t("map.within") };
}

/** The ends of the steps: the guideline and its interim targets, or multiples of a limit. */
const bounds = (rule) => (rule.interim.length ? [rule.level, ...rule.interim].slice(0, 5) : [1, 1.5, 2, 3].map((times) => times * rule.level));

function spread() {
  const held = citiesHeard().map((id) => lastOf(id, picked)?.value).filter((value) => value !== undefined);
  return [Math.min(...held), Math.max(...held)];
}

function stepAmong(value) {
  const [low, high] = spread();
  return high > low ? Math.min(4, Math.floor((5 * (value - low)) / (high - low))) : 0;
}

function show() {
  const ids = citiesHeard();
  const facts = new Map(ids.map((id) => [id, told(id)]));
  showLegend();
  showList([...ids].sort((a, b) => (facts.get(b).value ?? -Infinity) - (facts.get(a).value ?? -Infinity)), facts);
  showMarks(facts);
}

function showEmpty() {
  parts.marks.replaceChildren();
  parts.list.replaceChildren(element("li", { class: "notice empty", text: t("overview.empty") }));
  parts.rows.clear();
  place();
}

function showLegend() {
  const rule = ruling();
  const unit = unitSaid(picked);
  const [low, high] = spread();
  const ends = rule ? bounds(rule) : [1, 2, 3, 4].map((n) => low + (n * (high - low)) / 5);
  const texts = [...ends.map((end, place) => (place ? t("map.to", { from: number(ends[place - 1]), to: number(end) }) : t("map.upto", { to: number(end) }))),
    t("map.above", { from: number(ends.at(-1)) })];
  const items = rule || high > low ? texts.map((text, step) => element("li", {}, element("span", { class: `swatch ${STEPS[step]}`, "aria-hidden": "true" }), text)) : [];
  items.push(element("li", {}, element("span", { class: "swatch unknown", "aria-hidden": "true" }), t("map.unjudged")));
  parts.legend.replaceChildren(element("p", { text: `${nameOf(picked)} (${unit})` }), element("ul", {}, ...items));
  const better = entryOf(picked)?.better;
  put(parts.note, [
    rule ? t("map.means", { mean: t(`mean.${rule.averaging}`), source: rule.source, checked: rule.checked ? "" : t("map.unchecked") })
      : t("map.lasts", { better: better && better !== "target" ? t(`better.${better}`) : t("better.target") }),
    t("origin.line", { origin: t(`origin.${originOf(state.run)}`) }), t("map.source"),
  ].join(" "));
}

function showList(ids, facts) {
  for (const id of [...parts.rows.keys()]) if (!ids.includes(id)) { parts.rows.get(id).item.remove(); parts.rows.delete(id); }
  const focused = document.activeElement?.dataset?.city;
  const roving = ids.includes(chosen) ? chosen : ids[0];
  for (const id of ids) {
    const row = parts.rows.get(id) ?? makeRow(id);
    const { value, step, word, last } = facts.get(id);
    row.link.href = hrefOf("city", { city: id, indicator: picked });
    put(row.name, cityName(id));
    put(row.value, value === null ? "–" : `${number(value)} ${unitOf(picked)}`.trim());
    row.swatch.setAttribute("class", `swatch ${STEPS[step] ?? "unknown"}`);
    const silent = last && newest() ? age(newest() - last.time) : "";
    const online = state.cities.get(id).online === false ? t("online.offline") : "";
    put(row.word, [word, silent, online].filter(Boolean).join(" · "));
    row.link.tabIndex = id === roving ? 0 : -1;
  }
  const wanted = ids.map((id) => parts.rows.get(id).item);
  if (wanted.length !== parts.list.children.length || wanted.some((item, at) => parts.list.children[at] !== item)) {
    parts.list.replaceChildren(...wanted);
    if (focused) parts.rows.get(focused)?.link.focus();
  }
}

function makeRow(id) {
  const [name, value, word] = [element("strong"), element("span", { class: "value" }), element("small")];
  const swatch = element("span", { class: "swatch", "aria-hidden": "true" });
  const link = element("a", { "data-city": id }, swatch, name, value, word);
  for (const kind of ["focus", "mouseenter"]) link.addEventListener(kind, () => mark(id));
  const row = { item: element("li", {}, link), link, name, value, word, swatch };
  parts.rows.set(id, row);
  return row;
}

/** Arrow keys, Home and End walk through the list; Enter opens the city, as a link does. */
function walk(event) {
  const links = [...parts.list.querySelectorAll("a")];
  const at = links.indexOf(document.activeElement);
  const to = { ArrowDown: at + 1, ArrowRight: at + 1, ArrowUp: at - 1, ArrowLeft: at - 1, Home: 0, End: links.length - 1 }[event.key];
  if (to === undefined || at < 0) return;
  event.preventDefault();
  links[Math.max(0, Math.min(links.length - 1, to))].focus();
}

function mark(id) {
  chosen = id;
  remember({ city: id });
  for (const [other, row] of parts.rows) row.link.tabIndex = other === id ? 0 : -1;
  for (const node of parts.marks.children) node.classList.toggle("chosen", node.dataset.city === id);
}

// ---- the map itself: degrees east and south, times 100 ----------------------------------------------------------

function positions() {
  return citiesHeard().map((id) => ({ id, profile: state.cities.get(id).profile }))
    .filter(({ profile }) => profile).map(({ id, profile }) => ({ id, x: profile.longitude * 100, y: -profile.latitude * 100 }));
}

function fitting() {
  const held = positions();
  const [xs, ys] = [held.map(({ x }) => x), held.map(({ y }) => y)];
  if (!held.length) return { x: REGION.west * 100, y: -REGION.north * 100, w: (REGION.east - REGION.west) * 100, h: (REGION.north - REGION.south) * 100 };
  const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const pad = Math.max(250, 0.18 * Math.max(right - left, bottom - top));
  return { x: left - pad, y: top - pad, w: right - left + 2 * pad, h: bottom - top + 2 * pad };
}

function zoom(factor) {
  const { x, y, w, h } = box ?? fitting();
  const [wide, high] = [Math.min(36000, Math.max(100, w * factor)), Math.min(18000, Math.max(100, h * factor))];
  box = { x: x + (w - wide) / 2, y: y + (h - high) / 2, w: wide, h: high };
  place();
}

function draggable(map) {
  let last = null;
  map.addEventListener("pointerdown", (event) => { last = event; map.setPointerCapture(event.pointerId); });
  map.addEventListener("pointermove", (event) => {
    if (!last) return;
    const { x, y, w, h } = box ?? fitting();
    const scale = perPixel();
    box = { x: x - (event.clientX - last.clientX) * scale, y: y - (event.clientY - last.clientY) * scale, w, h };
    last = event;
    place();
  });
  for (const kind of ["pointerup", "pointercancel"]) map.addEventListener(kind, () => { last = null; });
}

function perPixel() {
  const { w, h } = box ?? fitting();
  const { clientWidth, clientHeight } = parts.map;
  return Math.max(w / (clientWidth || 800), h / (clientHeight || 500));
}

function frame() {
  const { x, y, w, h } = box ?? fitting();
  const seen = `${x} ${y} ${w} ${h}`;
  if (parts.map.getAttribute("viewBox") !== seen) parts.map.setAttribute("viewBox", seen);
}

function place() {
  frame();
  if (picked && ready) showMarks(new Map(citiesHeard().map((id) => [id, told(id)])));
}

function showMarks(facts) {
  frame();
  const unit = perPixel();
  const size = 13 * unit;
  const taken = positions().map(({ x, y }) => ({ x: x - 7 * unit, y: y - 7 * unit, w: 14 * unit, h: 14 * unit }));
  const made = positions().map(({ id, x, y }) => {
    const { value, step } = facts.get(id);
    const text = `${cityName(id)} ${value === null ? "" : number(value)}`.trim();
    const rooms = roomsAt(x, y, text.length * size * 0.56, size, unit);
    const room = rooms.find((one) => inside(one, unit) && !taken.some((other) => meet(one, other)));
    if (room) taken.push(room);
    const over = ruling() && step > 0;
    const node = drawn("g", { "data-city": id, class: `mark ${id === chosen ? "chosen" : ""} ${over ? "over" : ""}` });
    const title = drawn("title");
    title.textContent = `${text} ${unitOf(picked)}`.trim();
    node.append(title, shapeOf(over, x, y, 6.5 * unit, STEPS[step] ?? "unknown", unit));
    const label = drawn("text", { x: (room ?? rooms[0]).x, y: (room ?? rooms[0]).y + size * 0.85, "font-size": size, "stroke-width": 3 * unit });
    label.textContent = text;
    if (!room) label.classList.add("crowded");
    node.append(label);
    node.addEventListener("click", () => { location.hash = hrefOf("city", { city: id, indicator: picked }); });
    return node;
  });
  parts.marks.replaceChildren(...made);
  const said = t("map.label_of", { indicator: nameOf(picked), n: made.length });
  if (parts.map.getAttribute("aria-label") !== said) parts.map.setAttribute("aria-label", said);
}

/** Where a label may stand: right of its mark, left, above, below. */
const roomsAt = (x, y, w, h, unit) => [[x + 10 * unit, y - h / 2], [x - 10 * unit - w, y - h / 2], [x - w / 2, y - 9 * unit - h], [x - w / 2, y + 9 * unit]]
  .map(([left, top]) => ({ x: left, y: top, w, h }));
function inside(room, unit) {
  const { x, w } = box ?? fitting();
  const half = (parts.map.clientWidth || 800) * unit / 2;
  return room.x > x + w / 2 - half && room.x + room.w < x + w / 2 + half;
}

const meet = (a, b) => a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;

/** A disc within the limit, a diamond above it: not by colour alone. */
function shapeOf(over, x, y, r, step, unit) {
  const set = { class: step, "stroke-width": 1.5 * unit };
  if (!over) return drawn("circle", { ...set, cx: x, cy: y, r });
  const d = 1.25 * r;
  return drawn("path", { ...set, d: `M${x} ${y - d}L${x + d} ${y}L${x} ${y + d}L${x - d} ${y}z` });
}

// ---- what can be saved ------------------------------------------------------------------------------------------

function table() {
  const head = ["city", "city_name", "latitude", "longitude", "indicator", "unit", "last_value", "last_time", "mean", "mean_over", "coverage",
    "level", "level_source", "run", "origin", "parameters"];
  const rule = ruling();
  const rows = citiesHeard().map((id) => {
    const { last } = told(id), mean = rule ? means.get(id) : null, { profile } = state.cities.get(id);
    return [id, cityName(id), profile?.latitude, profile?.longitude, picked, entryOf(picked)?.unit, last?.value, last ? iso(last.time) : null,
      mean?.value, mean ? rule.averaging : null, mean?.share, rule?.level, rule?.source, state.run, originOf(state.run),
      [...(state.parameters.get(`${id}/${picked}`) ?? [])].sort().join(" and ")];
  });
  return { head, rows };
}

function picture() {
  const { clientWidth, clientHeight } = parts.map;
  const legend = [...parts.legend.querySelectorAll("li")].map((item) => [getComputedStyle(item.firstChild).backgroundColor, item.textContent.split(":")[0]]);
  const title = `${nameOf(picked)} (${unitSaid(picked)}), ${state.run}, ${clock(newest())} UTC`;
  return drawingPicture({ title, notes: [parts.note.textContent], legend, drawing: parts.map, width: clientWidth, height: clientHeight });
}
