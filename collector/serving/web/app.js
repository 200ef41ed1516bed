// The live page: a snapshot, then what changed, over one event stream. Text from outside goes in by textContent only.

const DAY = 86400;
const WINDOW = 7 * DAY;
const BUCKET = 1800;
const SILENCE = 5000; // the collector speaks every second
const REFRESH = 15000; // how often the chart asks the store again
const ON_A_CARD = 2; // indicators of each pillar
const SELDOM = { event: 1, statistic: 2 }; // on a card after what is measured all the time
const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f6bb3", "#8c564b"];
const DASHES = ["solid", "dash", "dot", "dashdot", "longdash"];

const byId = (id) => document.getElementById(id);
const state = {
  catalogue: new Map(), runs: new Map(), cities: new Map(), values: new Map(), run: null, wanted: "",
  stream: null, heard: 0, accounts: null, table: "", cards: new Map(), cells: new Map(),
  parameters: new Map(), told: "",
  chart: { indicator: null, lines: new Map(), asked: 0, question: 0, failed: "" },
};

// ---- words and numbers ------------------------------------------------------------------------------------------

function element(tag, className = "", text = "") {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text) made.textContent = text;
  return made;
}

function put(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function number(value) {
  const size = Math.abs(value);
  const digits = size >= 1000 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
  return value.toLocaleString("en", { maximumFractionDigits: digits });
}

function age(seconds) {
  if (seconds < 60) return "now";
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 2 * DAY) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / DAY)} d ago`;
}

const clock = (seconds) => new Date(seconds * 1000).toISOString().replace("T", " ").slice(0, 16);
const month = (start) => clock(start + 14 * 3600).slice(0, 7); // a month starts up to 14 hours earlier in UTC
const iso = (seconds) => new Date(seconds * 1000).toISOString().slice(0, 19) + "Z";
const title = (indicator) => state.catalogue.get(indicator)?.name ?? indicator;
const unit = (indicator) => (state.catalogue.get(indicator)?.unit ?? "").replace(/^1$/, "");
const cityName = (id) => state.cities.get(id)?.profile?.name || id;
const order = (indicator) => [...state.catalogue.keys()].indexOf(indicator) + 1 || 1000;
const indicatorsHeard = () =>
  [...new Set([...state.values.values()].flatMap((held) => [...held.keys()]))].sort((a, b) => order(a) - order(b));
const citiesHeard = () =>
  [...state.cities.keys()].sort((a, b) => cityName(a).localeCompare(cityName(b)) || a.localeCompare(b));

// ---- the stream -------------------------------------------------------------------------------------------------

function listen() {
  state.stream?.close();
  const stream = new EventSource(`/api/v1/live${state.wanted ? `?run=${encodeURIComponent(state.wanted)}` : ""}`);
  state.stream = stream;
  stream.addEventListener("snapshot", (event) => hear(JSON.parse(event.data), true));
  stream.addEventListener("delta", (event) => hear(JSON.parse(event.data), false));
  stream.onerror = () => {
    showConnection();
    if (stream.readyState === EventSource.CLOSED && state.stream === stream) setTimeout(start, 2000); // or a login is needed
  };
}

function hear(view, fresh) {
  state.heard = Date.now();
  if (fresh || view.run !== state.run) begin(view);
  if (!state.wanted && view.runs.length && view.runs.at(-1).run !== view.run) return listen();
  for (const run of view.runs) state.runs.set(run.run, { ...state.runs.get(run.run), ...run });
  for (const city of view.cities) state.cities.set(city.id, city);
  for (const last of view.values) {
    if (!state.values.has(last.city)) state.values.set(last.city, new Map());
    state.values.get(last.city).set(last.indicator, last);
  }
  showConnection();
  showRuns();
  showAccounts(view);
  showCities();
  showTable();
  askParameters();
  extendChart(view.values);
  if (fresh || Date.now() - state.chart.asked > REFRESH) askChart();
}

function begin(view) {
  state.run = view.run;
  state.cities.clear();
  state.values.clear();
  state.cards.clear();
  state.accounts = null;
  state.table = state.told = "";
  state.parameters.clear();
  byId("cities").replaceChildren();
  state.chart.lines.clear();
  state.chart.asked = 0;
}

function showConnection() {
  const silent = Date.now() - state.heard;
  const lost = silent > SILENCE || state.stream?.readyState !== EventSource.OPEN;
  const kind = !lost ? "live" : state.heard ? "lost" : "waiting";
  byId("connection").className = `connection ${kind}`;
  put(byId("connection-text"), { live: "live", lost: "connection lost", waiting: "connecting…" }[kind]);
  const banner = byId("lost");
  banner.hidden = kind !== "lost";
  document.body.classList.toggle("stale", kind === "lost");
  if (kind === "lost") {
    put(banner, `The connection to the collector is lost since ${new Date(state.heard).toLocaleTimeString()}. ` +
      "What is shown below is from then. Trying again…");
  }
}

// ---- what is shown ----------------------------------------------------------------------------------------------

function showRuns() {
  const picker = byId("run");
  const names = [...state.runs.keys()].reverse();
  if (picker.dataset.names !== names.join()) {
    picker.dataset.names = names.join();
    const options = names.map((name) => Object.assign(element("option", "", name), { value: name }));
    picker.replaceChildren(Object.assign(element("option"), { value: "" }), ...options);
  }
  put(picker.options[0], state.run && !state.wanted ? `newest: ${state.run}` : "newest run");
  picker.value = state.wanted;
  const run = state.runs.get(state.run);
  const origin = run ? run.origin || "unknown" : "";
  const badge = byId("origin");
  badge.className = `badge ${["simulated", "measured"].includes(origin) ? origin : "unknown"}`;
  put(badge, !run ? "no run yet" : origin === "unknown" ? "origin unknown" : origin);
  badge.title = { simulated: "Computed by models, not measured", measured: "Measured by real stations" }[origin] ?? "";
  const time = run?.time ?? run?.last;
  put(byId("time"), time == null ? "–" : clock(time));
}

const FATES = [["stored", "Messages stored"], ["rejected", "Messages rejected"], ["duplicate", "Duplicates"],
  ["conflict", "Conflicts"]];

function showAccounts(view) {
  const now = { at: Date.now(), counts: view.deliveries };
  const before = state.accounts;
  const strip = byId("rates");
  if (!strip.childElementCount) {
    for (const [fate, name] of FATES) {
      const box = Object.assign(element("div"), { id: `fate-${fate}` });
      box.append(element("dt", "", name), element("dd"));
      box.lastChild.append(element("span"), element("small"));
      strip.append(box);
    }
  }
  for (const [fate] of FATES) {
    const total = now.counts[fate] ?? 0;
    const passed = before ? Math.max(now.at - before.at, 500) / 1000 : 1;
    const rate = before ? Math.max(0, total - (before.counts[fate] ?? 0)) / passed : 0;
    const [speed, sum] = byId(`fate-${fate}`).lastChild.children;
    put(speed, `${rate.toLocaleString("en", { maximumFractionDigits: rate < 10 ? 1 : 0 })}/s`);
    put(sum, `${total.toLocaleString("en")} in all`);
    byId(`fate-${fate}`).classList.toggle("alarm", total > 0 && (fate === "rejected" || fate === "conflict"));
  }
  state.accounts = now;
}

function showCities() {
  const ids = citiesHeard();
  const online = ids.filter((id) => state.cities.get(id).online).length;
  put(byId("cities-count"), ids.length ? `${online} of ${ids.length} online` : "");
  byId("empty").hidden = ids.length > 0;
  for (const id of ids) {
    if (!state.cards.has(id)) state.cards.set(id, makeCard());
    fillCard(state.cards.get(id), state.cities.get(id));
  }
  const wanted = ids.map((id) => state.cards.get(id).card);
  if (wanted.some((card, place) => byId("cities").children[place] !== card)) byId("cities").replaceChildren(...wanted);
}

function makeCard() {
  const card = element("article", "card");
  const head = element("div", "card-head");
  const name = element("h3");
  const mark = element("span", "state unknown");
  const about = element("p", "about");
  const people = element("p", "about");
  const list = element("ul");
  const dot = element("span", "dot");
  dot.setAttribute("aria-hidden", "true");
  const word = element("span");
  mark.append(dot, word);
  head.append(name, mark);
  card.append(head, about, people, list);
  return { card, name, mark, word, about, people, list, rows: new Map() };
}

function fillCard(card, city) {
  const profile = city.profile;
  const mood = city.online === true ? "online" : city.online === false ? "offline" : "unknown";
  put(card.name, cityName(city.id));
  card.mark.className = `state ${mood}`;
  put(card.word, mood === "unknown" ? "no birth heard" : mood);
  const [speaking, known] = city.stations;
  const stations = known ? `${speaking} of ${known} stations online` : "";
  put(card.about, [profile?.country, profile?.timezone, stations].filter(Boolean).join(" · ") || city.id);
  const people = profile?.population?.toLocaleString("en");
  put(card.people, people ? `${people} people (${profile.population_kind || "what is counted is not known"})`
    : "population not known");
  const shown = onCard(city.id);
  for (const [indicator, row] of card.rows) {
    if (!shown.includes(indicator)) { row.remove(); card.rows.delete(indicator); }
  }
  for (const indicator of shown) fillRow(card, indicator, state.values.get(city.id).get(indicator));
}

function onCard(city) {
  const taken = {};
  const seldom = (indicator) => SELDOM[state.catalogue.get(indicator)?.kind] ?? 0;
  const held = [...(state.values.get(city)?.keys() ?? [])];
  return held.sort((a, b) => seldom(a) - seldom(b) || order(a) - order(b)).filter((indicator) => {
    const pillar = state.catalogue.get(indicator)?.pillar ?? "other";
    taken[pillar] = (taken[pillar] ?? 0) + 1;
    return taken[pillar] <= ON_A_CARD;
  });
}

function fillRow(card, indicator, last) {
  let row = card.rows.get(indicator);
  if (!row) {
    row = element("li");
    const value = element("span", "value");
    value.append(element("span"), element("small"));
    row.append(element("span", "", title(indicator)), value, element("span", "age"));
    row.firstChild.title = title(indicator);
    card.rows.set(indicator, row);
    card.list.append(row);
  }
  const [, value, when] = row.children;
  put(value.firstChild, number(last.value));
  put(value.lastChild, unit(indicator));
  const now = state.runs.get(state.run)?.time ?? last.time;
  put(when, state.catalogue.get(indicator)?.kind === "statistic" ? month(last.time) : age(now - last.time));
}

// ---- where the parameters of the models come from, as the stations say ---------------------------------------------

async function askParameters() {
  const told = [state.run, ...[...state.cities.values()].map((city) => `${city.id} ${city.stations[1]}`)].join();
  if (told === state.told || !state.run) return;
  state.told = told;
  try {
    const answer = await fetch(`/api/v1/runs/${encodeURIComponent(state.run)}/stations`);
    if (!answer.ok || state.told !== told) return;
    for (const station of (await answer.json()).stations) {
      for (const [indicator, origin] of Object.entries(station.origins)) {
        const key = `${station.city}/${indicator}`;
        if (!state.parameters.has(key)) state.parameters.set(key, new Set());
        state.parameters.get(key).add(origin);
      }
    }
    showTable();
  } catch {
    state.told = ""; // asked again with the next event
  }
}

const OVER = { sum: "sum of stations", max: "highest station", energetic_mean: "energetic mean of stations" };

function showTable() {
  const cities = citiesHeard();
  const rows = indicatorsHeard();
  const shape = JSON.stringify([cities, cities.map(cityName), rows]);
  if (shape !== state.table) {
    state.table = shape;
    buildTable(cities, rows);
    offerIndicators(rows);
  }
  for (const [key, cell] of state.cells) {
    const [city, indicator] = key.split("/");
    const last = state.values.get(city)?.get(indicator);
    cell.classList.toggle("none", !last);
    put(cell.firstChild, last ? number(last.value) : "–");
    put(cell.children[1], last && last.stations < last.known ? `${last.stations} of ${last.known} stations` : "");
    const origins = last ? [...(state.parameters.get(key) ?? [])].sort() : [];
    put(cell.lastChild, origins.map((origin) => origin[0]).join(""));
    cell.lastChild.title = origins.length ? `parameters ${origins.join(" and ")}` : "";
  }
}

function buildTable(cities, rows) {
  const table = byId("values");
  state.cells.clear();
  const head = element("tr");
  head.append(header("Indicator", "col"), ...cities.map((city) => header(cityName(city), "col")));
  table.tHead.replaceChildren(head);
  for (const body of [...table.tBodies]) body.remove();
  let body = null, pillar = null;
  for (const indicator of rows) {
    const entry = state.catalogue.get(indicator);
    if (body === null || (entry?.pillar ?? "other") !== pillar) {
      pillar = entry?.pillar ?? "other";
      body = table.createTBody();
      const line = element("tr", "pillar");
      const name = header(pillar, "rowgroup");
      name.colSpan = cities.length + 1;
      line.append(name);
      body.append(line);
    }
    const row = element("tr");
    const name = header(title(indicator), "row");
    name.append(element("small", "", [unit(indicator), OVER[entry?.rollup] ?? ""].filter(Boolean).join(" · ")));
    if (entry) name.title = entry.definition;
    row.append(name, ...cities.map((city) => valueCell(`${city}/${indicator}`)));
    body.append(row);
  }
}

function header(text, scope) {
  return Object.assign(element("th", "", text), { scope });
}

function valueCell(key) {
  const cell = element("td");
  cell.append(element("span"), element("small"), element("abbr"));
  state.cells.set(key, cell);
  return cell;
}

// ---- the chart --------------------------------------------------------------------------------------------------

function offerIndicators(rows) {
  const picker = byId("indicator");
  const charted = rows.filter((indicator) => state.catalogue.get(indicator)?.kind !== "statistic");
  const options = charted.map((indicator) =>
    Object.assign(element("option", "", title(indicator)), { value: indicator }));
  picker.replaceChildren(...options);
  if (!charted.includes(state.chart.indicator)) {
    state.chart.indicator = charted[0] ?? null;
    state.chart.asked = 0;
    state.chart.lines.clear();
  }
  picker.value = state.chart.indicator ?? "";
}

async function askChart() {
  const chart = state.chart;
  const newest = state.runs.get(state.run)?.time;
  if (!chart.indicator || newest == null) return;
  chart.asked = Date.now();
  const question = ++chart.question;
  const start = Math.floor((newest - WINDOW) / BUCKET) * BUCKET;
  const asked = new URLSearchParams({
    run: state.run, indicator: chart.indicator, start: iso(start), end: iso(newest + 1), bucket: BUCKET, format: "json",
  });
  try {
    const answer = await fetch(`/api/v1/read?${asked}`);
    const told = await answer.json();
    if (question !== chart.question) return;
    if (!answer.ok) throw new Error(told.error);
    chart.failed = "";
    chart.lines.clear();
    const { city, time, value } = told.columns;
    city.forEach((id, place) => { if (value[place] !== null) add(id, time[place], value[place]); });
  } catch (error) {
    if (question !== chart.question) return;
    chart.failed = `The last 7 days could not be read: ${error.message}`;
  }
  extendChart([...state.values.values()].flatMap((held) => [...held.values()]));
  draw();
}

function add(city, time, value) {
  const lines = state.chart.lines;
  if (!lines.has(city)) lines.set(city, { points: new Map(), end: "" });
  const line = lines.get(city);
  if (time < line.end) return false; // late: the store's answer will have it
  line.end = time;
  line.points.set(time, value);
  return true;
}

function extendChart(values) {
  const { indicator } = state.chart;
  if (state.catalogue.get(indicator)?.rollup === "sum") return; // a half hour's sum is not one reading
  const added = values.filter((last) => last.indicator === indicator && add(last.city, iso(last.time), last.value));
  if (added.length) draw();
}

const plain = (text) => text.replace(/[&<>]/g, (sign) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[sign]);

function draw() {
  const { indicator, lines, failed } = state.chart;
  const newest = state.runs.get(state.run)?.time;
  if (!window.Plotly || !indicator || newest == null) return;
  const earliest = iso(newest - WINDOW);
  const ids = citiesHeard();
  const traces = ids.filter((id) => lines.has(id)).map((id) => {
    const place = ids.indexOf(id);
    const { points } = lines.get(id);
    for (const time of points.keys()) if (time < earliest) points.delete(time);
    const times = [...points.keys()];
    return {
      type: "scatter", mode: times.length > 1 ? "lines" : "markers", name: plain(cityName(id)), x: times,
      y: [...points.values()],
      line: { color: COLOURS[place % COLOURS.length], width: 2,
        dash: DASHES[Math.floor(place / COLOURS.length) % DASHES.length] },
      hovertemplate: "%{y:.4~g}",
    };
  });
  const style = getComputedStyle(document.documentElement);
  const ink = style.getPropertyValue("--ink").trim(), grid = style.getPropertyValue("--line").trim();
  const axis = { gridcolor: grid, linecolor: grid, zeroline: false, automargin: true };
  const layout = {
    uirevision: `${state.run}/${indicator}`, margin: { l: 55, r: 15, t: 15, b: 40 }, hovermode: "x unified",
    paper_bgcolor: "transparent", plot_bgcolor: "transparent", font: { color: ink, family: "system-ui, sans-serif" },
    hoverlabel: { bgcolor: style.getPropertyValue("--card").trim(), font: { color: ink } },
    xaxis: { ...axis, type: "date" },
    yaxis: { ...axis, title: { text: plain(unit(indicator)) }, rangemode: "tozero" },
    legend: { orientation: "h", y: 1.12, x: 0 }, showlegend: true,
  };
  window.Plotly.react("chart", traces, layout, { responsive: true, displaylogo: false, displayModeBar: false });
  const over = state.catalogue.get(indicator)?.rollup === "sum" ? "Sums over 30 minutes and a city's stations, UTC."
    : "Half hours over a city's stations, then each reading as it comes, UTC.";
  put(byId("chart-note"), failed || over);
}

// ---- start ------------------------------------------------------------------------------------------------------

async function start() {
  try {
    const answer = await fetch("/api/v1/indicators");
    if (answer.status === 401) return location.assign("/login");
    const { indicators } = await answer.json();
    state.catalogue = new Map(indicators.map((entry) => [entry.id, entry]));
    const { runs } = await (await fetch("/api/v1/runs")).json();
    for (const run of runs) state.runs.set(run.run, { ...run, time: run.last });
    byId("leave").hidden = !(await (await fetch("/health")).json()).login;
  } catch {
    setTimeout(start, 2000);
    return;
  }
  listen();
}

byId("run").addEventListener("change", (event) => { state.wanted = event.target.value; listen(); });
byId("indicator").addEventListener("change", (event) => {
  state.chart.indicator = event.target.value;
  state.chart.lines.clear();
  askChart();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
window.addEventListener("load", draw);
setInterval(showConnection, 1000);
start();
