// All cities at a glance: messages, cards, one indicator over the last 7 days, and the last values.

import { ask } from "../api.js";
import { Chart, line, plain } from "../chart.js";
import { element, field, notice, offer, put } from "../dom.js";
import { age, clock, DAY, iso, length, month, number, whole } from "../format.js";
import { countryName, pillarName, populationKind, t } from "../i18n.js";
import { hrefOf, remember } from "../route.js";
import {
  citiesHeard, cityName, entryOf, fromZero, indicatorsHeard, lastOf, nameOf, newest, originOf, readable, state, unitOf, unitSaid,
} from "../store.js";

const WINDOW = 7 * DAY;
const BUCKET = 1800;
const REFRESH = 15000; // how often the chart asks the store again
const ON_A_CARD = 2; // indicators of each pillar; one where there are
const MANY = 9; // cities
const SELDOM = { event: 1, statistic: 2 }; // on a card after what is measured all the time
const FATES = ["stored", "rejected", "duplicate", "conflict"];
const OVER = ["sum", "max", "energetic_mean"];

let accounts, cards, cells, shape, chart, lines, picked, askedAt, failed, closed, parts;
let question = 0; // the newest: answers to earlier ones are let go

export function open(root, params) {
  [accounts, cards, cells, shape, lines] = [null, new Map(), new Map(), "", new Map()];
  [picked, askedAt, failed, closed] = [params.get("indicator"), 0, "", false];
  parts = build(root);
  update({ fresh: true, values: [] });
  return { update, close, table, address: () => ({ indicator: picked }), picture: () => chart.picture() };
}

function close() {
  closed = true;
  question += 1;
}

function build(root) {
  const rates = element("dl", { id: "rates" }, ...FATES.map((fate) => element("div", { id: `fate-${fate}` },
    element("dt", { text: t(`fate.${fate}`) }), element("dd", {}, element("span"), element("small")))));
  const count = element("small", { id: "cities-count" });
  const list = element("div", { id: "cities", class: "cards" });
  const empty = notice("empty", t("overview.empty"));
  empty.id = "empty";
  const select = element("select", { id: "indicator" });
  select.addEventListener("change", () => { picked = select.value; remember({ indicator: picked }); lines.clear(); askChart(); });
  chart = new Chart("chart", t("overview.chart"));
  const values = element("table", { id: "values" }, element("caption", { class: "hidden", text: t("overview.values") }),
    element("thead"));
  const scroll = element("div", { class: "scroll", role: "region", "aria-label": t("overview.values"), tabIndex: 0 }, values);
  root.append(
    element("section", { class: "strip", "aria-label": t("overview.messages") }, rates),
    element("section", {}, element("h3", { class: "section" }, t("overview.cities"), count), list, empty),
    element("section", { class: "panel" }, element("div", { class: "panel-head" },
      element("h3", { text: t("overview.week") }), field(t("indicator"), select)), chart.node),
    element("section", { class: "panel" }, element("h3", { text: t("overview.values") }), scroll,
      element("p", { class: "note", text: t("overview.note") })),
  );
  return { rates, count, list, empty, select, values };
}

function update({ fresh, values }) {
  if (fresh) {
    [accounts, shape] = [null, ""];
    cards.clear();
    lines.clear();
    parts.list.replaceChildren();
    offerIndicators(indicatorsHeard());
  }
  if (fresh || Date.now() - askedAt > REFRESH) askChart(); // first: the store answers while the rest is shown
  showAccounts();
  showCities();
  showTable();
  if (lines.size && extend(values)) draw();
}

function showAccounts() {
  if (!state.deliveries) return;
  const now = { at: Date.now(), counts: state.deliveries };
  const passed = accounts ? Math.max(now.at - accounts.at, 500) / 1000 : 1;
  if (accounts && now.counts === accounts.counts) return;
  for (const fate of FATES) {
    const total = now.counts[fate] ?? 0;
    const rate = accounts ? Math.max(0, total - (accounts.counts[fate] ?? 0)) / passed : 0;
    const box = parts.rates.querySelector(`#fate-${fate}`);
    const [speed, sum] = box.lastChild.children;
    put(speed, t("rate", { n: rate.toLocaleString("en", { maximumFractionDigits: rate < 10 ? 1 : 0 }) }));
    put(sum, t("in_all", { n: whole(total) }));
    box.classList.toggle("alarm", total > 0 && (fate === "rejected" || fate === "conflict"));
  }
  accounts = now;
}

// ---- the cards of the cities ------------------------------------------------------------------------------------

function showCities() {
  const ids = citiesHeard();
  const online = ids.filter((id) => state.cities.get(id).online).length;
  put(parts.count, ids.length ? t("overview.online", { n: online, all: ids.length }) : "");
  parts.empty.hidden = ids.length > 0;
  parts.list.classList.toggle("small", ids.length > MANY);
  for (const id of ids) {
    if (!cards.has(id)) cards.set(id, makeCard(id));
    fillCard(cards.get(id), state.cities.get(id));
  }
  const wanted = ids.map((id) => cards.get(id).card);
  if (wanted.some((card, place) => parts.list.children[place] !== card)) parts.list.replaceChildren(...wanted);
}

function makeCard(id) {
  const name = element("a", { href: hrefOf("city", { city: id }) });
  const word = element("span");
  const mark = element("span", { class: "state" }, element("span", { class: "dot", "aria-hidden": "true" }), word);
  const [about, people] = [element("p", { class: "about" }), element("p", { class: "about" })];
  const list = element("ul");
  const head = element("div", { class: "card-head" }, element("h3", {}, name), mark);
  return { card: element("article", { class: "card" }, head, about, people, list), name, mark, word, about, people, list,
    rows: new Map() };
}

function fillCard(card, city) {
  const { profile, stations: [speaking, known] } = city;
  const mood = city.online === true ? "online" : city.online === false ? "offline" : "unknown";
  put(card.name, cityName(city.id));
  card.mark.className = `state ${mood}`;
  put(card.word, t(`online.${mood}`));
  const stations = known ? t("stations.online", { n: speaking, all: known }) : "";
  const place = profile?.country ? countryName(profile.country) : "";
  put(card.about, [place, profile?.timezone, stations].filter(Boolean).join(" · ") || city.id);
  put(card.people, profile?.population ? t("people", { n: whole(profile.population), kind: populationKind(profile.population_kind) })
    : t("people.unknown"));
  const shown = onCard(city.id);
  for (const [indicator, row] of card.rows) {
    if (!shown.includes(indicator)) { row.remove(); card.rows.delete(indicator); }
  }
  for (const indicator of shown) fillRow(card, indicator, lastOf(city.id, indicator));
}

function onCard(city) {
  const taken = {};
  const seldom = (indicator) => SELDOM[entryOf(indicator)?.kind] ?? 0;
  const held = indicatorsHeard().filter((indicator) => lastOf(city, indicator));
  return held.sort((a, b) => seldom(a) - seldom(b)).filter((indicator) => {
    const pillar = entryOf(indicator)?.pillar ?? "other";
    taken[pillar] = (taken[pillar] ?? 0) + 1;
    return taken[pillar] <= (state.cities.size > MANY ? 1 : ON_A_CARD);
  });
}

function fillRow(card, indicator, last) {
  let row = card.rows.get(indicator);
  if (!row) {
    const value = element("span", { class: "value" }, element("span"), element("small"));
    row = element("li", {}, element("span", { text: nameOf(indicator), title: nameOf(indicator) }), value,
      element("span", { class: "age" }));
    card.rows.set(indicator, row);
    card.list.append(row);
  }
  const [, value, when] = row.children;
  put(value.firstChild, number(last.value));
  put(value.lastChild, unitOf(indicator));
  put(when, entryOf(indicator)?.kind === "statistic" ? month(last.time) : age((newest() ?? last.time) - last.time));
}

// ---- the table of last values -----------------------------------------------------------------------------------

function showTable() {
  const cities = citiesHeard();
  const rows = indicatorsHeard();
  const now = JSON.stringify([cities, cities.map(cityName), rows]);
  if (now !== shape) {
    shape = now;
    buildTable(cities, rows);
    offerIndicators(rows);
  }
  for (const [key, cell] of cells) {
    const [city, indicator] = key.split("/");
    const last = lastOf(city, indicator);
    cell.classList.toggle("none", !last);
    put(cell.firstChild, last ? number(last.value) : "–");
    put(cell.children[1], last && last.stations < last.known ? t("stations.of", { n: last.stations, all: last.known }) : "");
    const origins = last ? [...(state.parameters.get(key) ?? [])].sort() : [];
    put(cell.lastChild, origins.map((origin) => origin[0]).join(""));
    cell.lastChild.title = origins.length ? t("parameters", { origins: origins.map((one) => t(`origin.${one}`)).join(t("and")) }) : "";
  }
}

function buildTable(cities, rows) {
  cells.clear();
  const heading = (text, scope) => element("th", { text, scope });
  const head = element("tr", {}, heading(t("indicator"), "col"), ...cities.map((city) => heading(cityName(city), "col")));
  parts.values.tHead.replaceChildren(head);
  for (const body of [...parts.values.tBodies]) body.remove();
  let body = null, pillar = null;
  for (const indicator of rows) {
    const entry = entryOf(indicator);
    if (body === null || (entry?.pillar ?? "other") !== pillar) {
      pillar = entry?.pillar ?? "other";
      body = parts.values.createTBody();
      const name = heading(pillarName(pillar), "rowgroup");
      name.colSpan = cities.length + 1;
      body.append(element("tr", { class: "pillar" }, name));
    }
    const name = heading(nameOf(indicator), "row");
    const over = OVER.includes(entry?.across) ? t(`over.${entry.across}`) : "";
    name.append(element("small", { text: [unitOf(indicator), over].filter(Boolean).join(" · ") }));
    if (entry) name.title = entry.definition;
    body.append(element("tr", {}, name, ...cities.map((city) => valueCell(`${city}/${indicator}`))));
  }
}

function valueCell(key) {
  const cell = element("td", {}, element("span"), element("small"), element("abbr"));
  cells.set(key, cell);
  return cell;
}

function table() {
  const head = ["city", "city_name", "indicator", "unit", "value", "time", "stations", "known", "run", "origin", "parameters"];
  const rows = citiesHeard().flatMap((city) => indicatorsHeard().filter((one) => lastOf(city, one)).map((indicator) => {
    const last = lastOf(city, indicator);
    const origins = [...(state.parameters.get(`${city}/${indicator}`) ?? [])].sort().join(" and ");
    return [city, cityName(city), indicator, entryOf(indicator)?.unit ?? "", last.value, iso(last.time), last.stations,
      last.known, state.run, originOf(state.run), origins];
  }));
  return { head, rows };
}

// ---- the chart --------------------------------------------------------------------------------------------------

function offerIndicators(rows) {
  const charted = rows.filter((indicator) => entryOf(indicator)?.kind !== "statistic");
  if (!charted.length) return;
  const before = picked;
  picked = offer(parts.select, charted.map((indicator) => [indicator, nameOf(indicator)]), picked) || null;
  if (picked !== before) { askedAt = 0; lines.clear(); }
}

async function askChart() {
  const now = newest();
  if (!picked || now === null) {
    chart.say("empty", t("state.nothing"));
    chart.plot.hidden = true;
    return;
  }
  askedAt = Date.now();
  const mine = ++question;
  const bucket = readable(BUCKET);
  const start = Math.floor((now - WINDOW) / bucket) * bucket;
  try {
    const told = await ask("read", { run: state.run, indicator: picked, start: iso(start), end: iso(now + 1), bucket, format: "json", unknown: "empty" });
    if (mine !== question) return;
    failed = "";
    lines.clear();
    const { city, time, value } = told.columns;
    city.forEach((id, place) => { if (value[place] !== null) add(id, time[place], value[place]); });
  } catch (error) {
    if (mine !== question) return;
    failed = t("overview.unread", { error: error.message });
  }
  extend([...state.values.values()].flatMap((held) => [...held.values()]));
  draw();
}

function add(city, time, value) {
  if (!lines.has(city)) lines.set(city, { points: new Map(), end: "" });
  const held = lines.get(city);
  if (time < held.end) return false; // late: the store's answer will have it
  held.end = time;
  held.points.set(time, value);
  return true;
}

/** Whether the lines are longer by the last values. */
function extend(values) {
  if (state.bucket || entryOf(picked)?.rollup === "sum") return false; // the sum of a bucket is not one reading
  return values.filter((last) => last.indicator === picked && add(last.city, iso(last.time), last.value)).length > 0;
}

function draw() {
  const now = newest();
  if (!picked || now === null || closed) return;
  const earliest = iso(now - WINDOW);
  const ids = citiesHeard();
  const traces = ids.filter((id) => lines.has(id)).map((id) => {
    const { points } = lines.get(id);
    for (const time of points.keys()) if (time < earliest) points.delete(time);
    const times = [...points.keys()];
    return { type: "scatter", mode: times.length > 1 ? "lines" : "markers", name: plain(`${cityName(id)} (${t(`origin.${originOf(state.run)}`)})`), x: times,
      y: [...points.values()], line: line(ids.indexOf(id)), hovertemplate: "%{y:.4~g}" };
  });
  const over = t(entryOf(picked)?.rollup === "sum" ? "overview.sums" : "overview.buckets", { length: length(readable(BUCKET)) });
  chart.draw({
    height: traces.length > 6 ? 340 + 20 * Math.ceil(traces.length / 6) : undefined, traces, key: `${state.run}/${picked}`, y: unitSaid(picked), zero: fromZero(picked), title: t("overview.title", { indicator: nameOf(picked), run: state.run }),
    notes: [failed || over, t("origin.line", { origin: t(`origin.${originOf(state.run)}`) })], rows: () => chartRows(ids),
  });
}

function chartRows(ids) {
  const shown = ids.filter((id) => lines.has(id));
  const times = [...new Set(shown.flatMap((id) => [...lines.get(id).points.keys()]))].sort();
  const head = [[t("time.utc"), false], ...shown.map((id) => [`${cityName(id)} (${unitSaid(picked)})`, true])];
  return { head, rows: times.map((time) => [clock(Date.parse(time) / 1000), ...shown.map((id) => number(lines.get(id).points.get(time)))]) };
}
