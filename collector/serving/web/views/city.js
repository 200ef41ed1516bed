// One city: its pillars with a line for every indicator, one live chart, its stations and how they are, its alerts.

import { alertList, alertsOf } from "../alerts.js";
import { ask, rowsOf } from "../api.js";
import { Chart, line, plain } from "../chart.js";
import { drawn, element, field, notice, offer, put, table as tableOf } from "../dom.js";
import { age, clock, DAY, epoch, HOUR, iso, length, month, number, onClock, whole } from "../format.js";
import { countryName, pillarName, populationKind, t } from "../i18n.js";
import { remember } from "../route.js";
import { byOrder, citiesHeard, cityName, entryOf, fromZero, lastOf, nameOf, newest, originOf, readable, state, unitOf, unitSaid } from "../store.js";
import { leftOut } from "./asked.js";

const SPANS = { "1d": DAY, "7d": 7 * DAY, "30d": 30 * DAY };
const BUCKETS = { "1d": HOUR / 2, "7d": HOUR / 2, "30d": 6 * HOUR };
const REFRESH = 15000;
const ALERTS = 3000;
const LATE = 3; // cadences without a word: the same assumption as of coverage
const LATE_LEAST = HOUR;

let parts, city, span, picked, chart, series, asked, watched, tiles, stations, shape, wished, closed, question = 0;

export function open(root, params) {
  [city, picked] = [params.get("city"), params.get("indicator")];
  wished = { span: params.get("span"), indicator: picked };
  span = params.get("span") in SPANS ? params.get("span") : "7d";
  [series, asked, watched, tiles, stations, shape, closed] = [new Map(), 0, 0, new Map(), [], "", false];
  parts = build(root);
  update({ fresh: true, values: [] });
  return { update, close: () => { closed = true; question++; }, table, picture: () => chart.picture(), address: () => ({ city, indicator: picked, span }) };
}

function build(root) {
  const [where, time] = [element("select", { id: "city" }), element("select", { id: "span" })];
  where.addEventListener("change", () => { city = where.value; wished = null; parts.strange.replaceChildren(); remember({ city }); update({ fresh: true, values: [] }); });
  time.addEventListener("change", () => { span = time.value; remember({ span }); series.clear(); askSeries(); });
  offer(time, Object.keys(SPANS).map((one) => [one, t(`span.${one}`)]), span);
  const facts = element("p", { class: "facts" });
  const [mark, failed, strange] = [element("span", { class: "state" }), element("div"), element("div")];
  const pillars = element("div", { class: "pillars" });
  chart = new Chart("city-chart", t("city.chart"));
  const chartTitle = element("h3", { text: t("city.chart") });
  const [alerts, health] = [element("div"), element("div")];
  const panel = (id, title, ...children) => element("section", { class: "panel" }, element("h3", { id, text: t(title) }), ...children);
  const body = element("div", { class: "stack" }, facts, pillars,
    element("section", { class: "panel" }, chartTitle, chart.node),
    panel("alerts-title", "city.alerts", alerts), panel("stations-title", "city.stations", health, element("p", { class: "note", text: t("city.health_note") })),
  );
  root.append(element("div", { class: "controls" }, field(t("city"), where), field(t("span"), time), mark), strange, failed, body);
  return { body, where, time, facts, mark, strange, failed, pillars, chartTitle, alerts, health };
}

function update({ fresh, values }) {
  const ids = citiesHeard();
  const pairs = ids.map((id) => [id, cityName(id)]);
  const before = city;
  parts.body.hidden = !ids.length || Boolean(city && !ids.includes(city));
  if (!ids.length) return parts.failed.replaceChildren(notice("empty", t("overview.empty")));
  if (city && !ids.includes(city)) {
    offer(parts.where, [[city, city], ...pairs], city);
    return parts.failed.replaceChildren(notice("empty", t("city.unknown", { city })));
  }
  city = offer(parts.where, pairs, city);
  parts.failed.replaceChildren();
  showFacts();
  if (wished && held().length) {
    parts.strange.replaceChildren(...leftOut([["span", wished.span, wished.span in SPANS], ["indicator", wished.indicator, held().includes(wished.indicator)]]));
    wished = null;
  }
  showTiles();
  if (series.size) extend(values);
  if (fresh || city !== before || Date.now() - asked > REFRESH) {
    if (fresh || city !== before) { series.clear(); tiles.clear(); shape = ""; showTiles(); }
    askSeries();
    askStations();
    watched = 0;
  }
  watch();
}

function watch() {
  if (Date.now() - watched < ALERTS) return;
  watched = Date.now();
  askAlerts();
}

const zone = () => state.cities.get(city)?.profile?.timezone ?? "UTC";
const held = () => byOrder(state.values.get(city)?.keys() ?? []);

function showFacts() {
  const { profile, online, stations: [speaking, known] } = state.cities.get(city);
  const mood = online === true ? "online" : online === false ? "offline" : "unknown";
  parts.mark.className = `state ${mood}`;
  put(parts.mark, `● ${t(`online.${mood}`)}`);
  const people = profile?.population ? t("people", { n: whole(profile.population), kind: populationKind(profile.population_kind) }) : t("people.unknown");
  put(parts.facts, [
    profile?.country ? countryName(profile.country) : "", zone(), people, profile?.area_km2 ? `${number(profile.area_km2)} km²` : "",
    known ? t("stations.online", { n: speaking, all: known }) : "", t("origin.line", { origin: t(`origin.${originOf(state.run)}`) }),
  ].filter(Boolean).join(" · "));
}

// ---- pillars: a tile for every indicator ------------------------------------------------------------------------

function showTiles() {
  const names = held();
  if (names.length && !names.includes(picked)) picked = names.find((one) => entryOf(one)?.kind !== "statistic") ?? names[0] ?? null;
  const now = JSON.stringify(names);
  if (now !== shape) {
    shape = now;
    tiles.clear();
    const pillars = [...new Set(names.map((one) => entryOf(one)?.pillar ?? "other"))];
    parts.pillars.replaceChildren(...pillars.map((pillar) => {
      const list = element("div", { class: "tiles" }, ...names.filter((one) => (entryOf(one)?.pillar ?? "other") === pillar).map(makeTile));
      return element("section", { class: "panel pillar" }, element("h3", { text: pillarName(pillar) }), list);
    }));
  }
  for (const [indicator, tile] of tiles) fillTile(indicator, tile);
}

function makeTile(indicator) {
  const [value, when] = [element("span", { class: "value" }, element("strong"), element("small")), element("small", { class: "age" })];
  const spark = drawn("svg", { class: "spark", viewBox: "0 0 100 28", preserveAspectRatio: "none", "aria-hidden": "true" });
  const node = element("button", { type: "button", class: "tile", "data-indicator": indicator },
    element("span", { class: "name", text: nameOf(indicator) }), value, when);
  node.append(spark);
  node.addEventListener("click", () => pick(indicator));
  tiles.set(indicator, { node, value, when, spark });
  return node;
}

/** Draw an indicator; where the chart is out of sight, it is brought in. */
function pick(indicator) {
  picked = indicator;
  parts.strange.replaceChildren();
  remember({ indicator });
  showTiles();
  draw();
  parts.chartTitle.parentNode.scrollIntoView({ block: "nearest", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
}

function fillTile(indicator, { node, value, when, spark }) {
  const last = lastOf(city, indicator);
  if (!last) return;
  const pressed = String(indicator === picked);
  if (node.getAttribute("aria-pressed") !== pressed) node.setAttribute("aria-pressed", pressed);
  put(value.firstChild, number(last.value));
  put(value.lastChild, unitOf(indicator));
  const some = last.stations < last.known ? t("stations.of", { n: last.stations, all: last.known }) : "";
  const old = entryOf(indicator)?.kind === "statistic" ? month(last.time) : age((newest() ?? last.time) - last.time);
  put(when, [old, some].filter(Boolean).join(" · "));
  const points = series.get(indicator);
  spark.replaceChildren(...(points && points.size > 1 ? [drawn("path", { d: sparkline(points) })] : []));
}

function sparkline(points) {
  const times = [...points.keys()], values = [...points.values()];
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const [from, to] = [times[0], times.at(-1)];
  return values.map((value, at) => {
    const x = (100 * (times[at] - from)) / (to - from || 1);
    const y = high > low ? 26 - (24 * (value - low)) / (high - low) : 14;
    return `${at ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`;
  }).join("");
}

// ---- series and the chart ---------------------------------------------------------------------------------------

async function askSeries() {
  const now = newest();
  const names = held().filter((one) => entryOf(one)?.kind !== "statistic");
  if (now === null || !names.length) return draw();
  asked = Date.now();
  const mine = ++question;
  const bucket = readable(BUCKETS[span]);
  const start = Math.floor((now - SPANS[span]) / bucket) * bucket;
  try {
    const { columns } = await ask("read", { run: state.run, city, indicator: names, start: iso(start), end: iso(now + 1), bucket, format: "json", unknown: "empty" });
    if (mine !== question) return;
    series.clear();
    columns.indicator.forEach((indicator, at) => { if (columns.value[at] !== null) add(indicator, epoch(columns.time[at]), columns.value[at]); });
    extend([...(state.values.get(city)?.values() ?? [])]);
  } catch (error) {
    if (mine === question) parts.failed.replaceChildren(notice("failed", t("state.failed", { error: error.message })));
  }
  showTiles();
  draw();
}

function add(indicator, time, value) {
  if (!series.has(indicator)) series.set(indicator, new Map());
  const points = series.get(indicator);
  const end = [...points.keys()].at(-1);
  if (end !== undefined && time < end) return false;
  points.set(time, value);
  return true;
}

function extend(values) {
  const added = values.filter((last) => last.city === city && !["sum"].includes(entryOf(last.indicator)?.rollup)
    && entryOf(last.indicator)?.kind !== "statistic" && add(last.indicator, last.time, last.value));
  if (added.some((last) => last.indicator === picked)) draw();
}

function draw() {
  if (!picked || closed) return;
  const points = series.get(picked) ?? new Map();
  const first = (newest() ?? 0) - SPANS[span];
  for (const time of points.keys()) if (time < first) points.delete(time);
  const times = [...points.keys()];
  const [title, clockSaid] = [`${cityName(city)}: ${nameOf(picked)}`, t("time.local", { zone: zone() })];
  put(parts.chartTitle, `${nameOf(picked)} (${unitSaid(picked)})`);
  chart.draw({
    key: `${state.run}/${city}/${picked}/${span}`, y: unitSaid(picked), zero: fromZero(picked), x: clockSaid, title: `${title} (${unitSaid(picked)}), ${state.run}`,
    traces: [{ type: "scatter", mode: times.length > 1 ? "lines" : "markers", name: plain(cityName(city)), line: line(0), hovertemplate: "%{y:.4~g}",
      x: times.map((time) => onClock(time, zone())), y: [...points.values()] }],
    layout: { showlegend: false },
    empty: entryOf(picked)?.kind === "statistic" ? t("city.statistic") : t("state.nothing"),
    notes: [t("origin.line", { origin: originSaid(picked) }),
      entryOf(picked)?.rollup === "sum" ? t("city.sums", { length: length(readable(BUCKETS[span])) }) : t("city.buckets", { length: length(readable(BUCKETS[span])) })],
    rows: () => ({ head: [[clockSaid, false], [`${nameOf(picked)} (${unitSaid(picked)})`, true]], rows: times.map((time) => [clock(time, zone()), number(points.get(time))]) }),
  });
}

const parametersOf = (indicator) => [...(state.parameters.get(`${city}/${indicator}`) ?? [])].sort();

/** The origin of an indicator's values, and of the parameters of the model behind them. */
function originSaid(indicator) {
  const origins = parametersOf(indicator).map((one) => t(`origin.${one}`));
  return [t(`origin.${originOf(state.run)}`), origins.length ? t("parameters", { origins: origins.join(t("and")) }) : ""].filter(Boolean).join(", ");
}

// ---- stations and alerts ----------------------------------------------------------------------------------------

/** What an answer must still be of when it comes. */
const asking = () => (closed ? "" : `${state.run}/${city}`);

async function askStations() {
  const [mine, run] = [asking(), state.run];
  try {
    const [profiles, latest, presence, flags] = await Promise.all([
      ask(`runs/${run}/stations`), ask(`runs/${run}/latest`, { format: "json" }), ask("dashboard/presence", { run, city }),
      ask("flags", { run, format: "json" }).catch(() => null),
    ]);
    if (mine !== asking()) return;
    stations = join(profiles.stations, rowsOf(latest), presence.stations, flags && rowsOf(flags));
    showStations();
  } catch (error) {
    if (mine === asking()) parts.health.replaceChildren(notice("failed", t("state.failed", { error: error.message })));
  }
}

function join(profiles, latest, presence, flags) {
  const mine = profiles.filter((one) => one.city === city);
  const named = new Set(mine.map((one) => one.id));
  const seen = new Map();
  for (const row of latest.filter((one) => one.city === city)) {
    seen.set(row.station, Math.max(seen.get(row.station) ?? 0, epoch(row.time)));
    if (!named.has(row.station)) { named.add(row.station); mine.push({ id: row.station, name: "", kind: "", pillar: row.pillar, cadence: 0 }); }
  }
  return mine.map((one) => {
    const last = seen.get(one.id) ?? null;
    const lag = last === null || newest() === null ? null : newest() - last;
    const marks = flags?.filter((row) => row.city === city && row.station === one.id) ?? null;
    const online = presence[one.id] ?? (state.cities.get(city)?.online === false ? false : null);
    return { ...one, last, lag, flags: marks, health: healthOf(one, lag, online) };
  });
}

function healthOf({ cadence }, lag, online) {
  if (online === false) return "offline";
  if (lag === null) return cadence ? "silent" : "quiet"; // without a cadence it speaks only when something happens
  return cadence && lag > Math.max(LATE * cadence, LATE_LEAST) ? "late" : "well";
}

function showStations() {
  if (!stations.length) return parts.health.replaceChildren(notice("empty", t("city.no_stations")));
  const head = [[t("station"), false], [t("pillar"), false], [t("station.kind"), false], [t("station.health"), false], [t("station.seen"), false],
    [t("station.cadence"), false], [t("station.flags"), false]];
  const rows = stations.map((one) => [
    one.name ? `${one.name} (${one.id})` : one.id, pillarName(one.pillar), one.kind,
    element("span", { class: `health ${one.health}`, text: t(`health.${one.health}`) }),
    one.last === null ? "–" : `${clock(one.last, zone())} (${age(one.lag)})`, length(one.cadence), flagsSaid(one.flags),
  ]);
  parts.health.replaceChildren(tableOf(t("city.stations"), head, rows));
}

function flagsSaid(flags) {
  if (flags === null) return t("flags.unknown");
  if (!flags.length) return t("flags.none");
  const counts = new Map();
  for (const { kind } of flags) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return [...counts].map(([kind, n]) => `${t(`flag.${kind}`)} ${n}`).join(", ");
}

async function askAlerts() {
  const mine = asking();
  try {
    const alerts = await alertsOf(state.run, city);
    const list = alertList(alerts);
    if (mine === asking() && !parts.alerts.firstChild?.isEqualNode(list)) parts.alerts.replaceChildren(list);
  } catch (error) {
    if (mine === asking()) parts.alerts.replaceChildren(notice("failed", t("state.failed", { error: error.message })));
  }
}

function table() {
  const head = ["city", "indicator", "unit", "time_utc", "value", "run", "origin", "parameters"];
  const last = held().filter((one) => !series.has(one)).map((one) => [one, [[lastOf(city, one).time, lastOf(city, one).value]]]); // statistics
  const rows = [...series, ...last].flatMap(([indicator, points]) => [...points].map(([time, value]) =>
    [city, indicator, entryOf(indicator)?.unit, iso(time), value, state.run, originOf(state.run), parametersOf(indicator).join(" and ")]));
  return { head, rows };
}
