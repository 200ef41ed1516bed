// Cities, indicators and runs side by side, as the comparison of the API judges them; or the fans of an experiment.

import { ask } from "../api.js";
import { Chart } from "../chart.js";
import { element, field, notice, offer } from "../dom.js";
import { DAY, HOUR } from "../format.js";
import { t } from "../i18n.js";
import { remember, several } from "../route.js";
import { byOrder, citiesHeard, cityName, entryOf, indicatorsHeard, nameOf, newest, originOf, state } from "../store.js";
import { leftOut } from "./asked.js";
import { fanOf, fanTable } from "./fan.js";
import { comparisonTable, saidAs, sectionOf } from "./section.js";

const BUCKETS = { "30m": HOUR / 2, "1h": HOUR, "6h": 6 * HOUR, "1d": DAY, "7d": 7 * DAY };
const PER = ["capita", "area"];
const DRAWN = ["values", "difference"];
const MOST = { indicator: 6, city: 40, run: 30, variant: 12 };
const FANS = 12;
const AT_FIRST = 3; // variants: the bands of more hide each other
const PAUSE = 350; // milliseconds after the last change of the form

let parts, told, auto, variants, known, result, pause, turn = 0;

export function open(root, params) {
  told = {
    indicator: several(params, "indicator"), city: several(params, "city"), run: several(params, "runs"), variant: several(params, "variant"),
    bucket: params.get("bucket"), start: params.get("start") ?? "", end: params.get("end") ?? "", against: params.get("against") ?? "",
    baseline: params.get("baseline") ?? "", per: params.get("per") ?? "", draw: params.get("draw") ?? "values",
    rank: params.get("rank") === "true", mixed: params.get("mixed") === "true", utc: params.get("utc") === "true", fan: params.get("fan") === "true",
  };
  [auto, variants, known, result] = [!told.run.length, null, "", null];
  parts = build(root);
  const mine = ++turn;
  ask("dashboard/variants").then((answer) => {
    if (mine !== turn) return;
    variants = answer.variants;
    parts.strange.replaceChildren(...strange());
    offerAll();
    askSoon(0);
  }, (error) => { variants = {}; parts.place.replaceChildren(notice("failed", error.message)); });
  return { update, close: () => { turn++; clearTimeout(pause); }, table, name, picture, address: () => ({ ...address(), bucket: bucket() }) };
}

/** What of the address is not known is left out. */
function strange() {
  const found = leftOut([["bucket", told.bucket, told.bucket in BUCKETS], ["per", told.per, PER.includes(told.per)], ["draw", told.draw, DRAWN.includes(told.draw)],
    ["fan", told.fan, Object.keys(variants).length > 0]]);
  if (!(told.bucket in BUCKETS)) told.bucket = null;
  if (!PER.includes(told.per)) told.per = "";
  if (!DRAWN.includes(told.draw)) told.draw = "values";
  told.fan &&= Object.keys(variants).length > 0;
  return found;
}

// ---- the form ---------------------------------------------------------------------------------------------------

function build(root) {
  const boxes = Object.fromEntries(["indicator", "city", "run", "variant"].map((name) => [name, many(name)]));
  const controls = {
    bucket: select("bucket"), baseline: select("baseline"), per: select("per"), draw: select("draw"),
    start: dated("start"), end: dated("end"), against: dated("against"), rank: ticked("rank"), mixed: ticked("mixed"), utc: ticked("utc"), fan: ticked("fan"),
  };
  const form = element("form", { class: "panel compare-form", "aria-label": t("compare.form") },
    element("div", { class: "many" }, ...Object.values(boxes).map(({ node }) => node)),
    element("div", { class: "controls" }, ...Object.entries(controls).map(([name, { control, tick }]) =>
      (tick ? element("label", { class: "tick" }, control, t(`compare.${name}`)) : field(t(`compare.${name}`), control)))));
  form.addEventListener("submit", (event) => event.preventDefault());
  const [place, unknown, said] = [element("div", { class: "stack" }), element("div"), element("p", { class: "hidden", role: "status" })];
  root.append(form, unknown, said, place);
  return { boxes, controls, place, strange: unknown, said };
}

function many(name) {
  const list = element("div", { class: "ticks" });
  const summary = element("summary");
  const node = element("details", { class: "pick", "data-pick": name }, summary, element("fieldset", {}, element("legend", { class: "hidden", text: t(`compare.${name}`) }), list));
  list.addEventListener("change", () => {
    if (name === "run") auto = false;
    told[name] = [...list.querySelectorAll("input:checked")].map((input) => input.value).slice(0, MOST[name]);
    changed();
  });
  return { node, list, summary };
}

function select(name) {
  const control = element("select", { id: `compare-${name}` });
  control.addEventListener("change", () => { told[name] = control.value; changed(); });
  return { control };
}

function dated(name) {
  const control = element("input", { type: "date", id: `compare-${name}`, value: told[name] });
  control.addEventListener("change", () => { told[name] = control.value; changed(); });
  return { control };
}

function ticked(name) {
  const control = element("input", { type: "checkbox", id: `compare-${name}`, checked: told[name] });
  control.addEventListener("change", () => { told[name] = control.checked; changed(); });
  return { control, tick: true };
}

function offerAll() {
  if (!variants) return;
  const lists = { indicator: charted(), city: citiesHeard(), run: [...state.runs.keys()].reverse(), variant: Object.keys(variants) };
  known = JSON.stringify([lists.indicator, lists.city, lists.run]);
  if (!told.indicator.length && lists.indicator.length) told.indicator = [lists.indicator.includes("pm25") ? "pm25" : lists.indicator[0]];
  if (!told.run.length && state.run) told.run = suggestedRuns();
  if (told.fan && !told.variant.length) told.variant = lists.variant.slice(0, AT_FIRST);
  if (told.fan && !told.city.length) told.city = lists.city.slice(0, 1);
  const names = { indicator: nameOf, city: cityName, run: (run) => run, variant: (name) => name };
  for (const [name, { list, summary, node }] of Object.entries(parts.boxes)) {
    const shape = JSON.stringify(lists[name]);
    if (list.dataset.shape !== shape) {
      list.dataset.shape = shape;
      list.replaceChildren(...lists[name].map((id) => element("label", { class: "tick" },
        element("input", { type: "checkbox", value: id, checked: told[name].includes(id) }), names[name](id))));
    }
    for (const input of list.querySelectorAll("input")) input.checked = told[name].includes(input.value);
    summary.textContent = t("compare.chosen", { what: t(`compare.${name}`), n: told[name].length || (name === "city" && !told.fan ? t("all") : 0) });
    node.hidden = name === "variant" ? !told.fan || !lists.variant.length : name === "run" && told.fan;
  }
  offer(parts.controls.bucket.control, Object.keys(BUCKETS).map((one) => [one, t(`bucket.${one}`)]), told.bucket ?? usual());
  offer(parts.controls.baseline.control, references(told.city.length ? told.city : lists.city), told.baseline);
  offer(parts.controls.per.control, ["", ...PER].map((one) => [one, t(`per.${one || "none"}`)]), told.per);
  offer(parts.controls.draw.control, DRAWN.map((one) => [one, t(`draw.${one}`)]), told.draw);
  const fanable = lists.variant.length > 0;
  const label = (name) => parts.controls[name].control.closest("label");
  for (const name of ["baseline", "per", "draw", "start", "end", "against", "rank", "mixed", "utc"]) label(name).hidden = told.fan;
  label("fan").hidden = !fanable;
  label("mixed").hidden ||= !told.mixed && !unlike();
}

/** What the others may be set against: a run, a city, or both as an address names them. */
function references(cities) {
  const offered = [["", t("compare.first")], ...told.run.map((run) => [run, run]), ...cities.map((city) => [city, cityName(city)])];
  return offered.some(([value]) => value === told.baseline) ? offered : [...offered, [told.baseline, told.baseline]];
}

/** Whether the runs chosen are not known to be of one origin. */
function unlike() {
  const origins = new Set(told.run.map(originOf));
  return origins.size > 1 || origins.has("mixed") || origins.has("unknown");
}

const charted = () => {
  const heard = indicatorsHeard().filter((one) => entryOf(one)?.kind !== "statistic");
  return heard.length ? heard : byOrder(state.catalogue.keys()).filter((one) => entryOf(one)?.kind !== "statistic");
};

/** The run shown; of an experiment also the same replication of its first variant. */
function suggestedRuns() {
  const run = state.wanted || state.run;
  const number = /-(\d{4})$/.exec(run)?.[1];
  const first = number && Object.keys(variants)[0];
  const twin = first && `${first}-${number}`;
  return [...new Set([...(twin && state.runs.has(twin) ? [twin] : []), run])];
}

function usual() {
  const run = state.runs.get(told.run[0]);
  const span = (newest() ?? 0) - (run?.first ?? newest() ?? 0);
  return Object.values(variants).some((runs) => runs.includes(told.run[0])) || told.fan || span > 14 * DAY ? "1d" : "1h";
}

/** What is chosen, as the address has it. */
function address() {
  const { run, rank, mixed, utc, fan, ...rest } = told;
  return { ...rest, runs: run, rank: rank || "", mixed: mixed || "", utc: utc || "", fan: fan || "", draw: told.draw === "values" ? "" : told.draw };
}

function changed() {
  parts.strange.replaceChildren();
  remember(address());
  offerAll();
  askSoon(PAUSE);
}

function update({ another }) {
  if (!variants) return;
  if (another && auto && told.run.length) {
    told.run = suggestedRuns();
    offerAll();
    askSoon(PAUSE);
  }
  const lists = JSON.stringify([charted(), citiesHeard(), [...state.runs.keys()].reverse()]);
  if (lists === known) return;
  const first = !result && !told.run.length;
  offerAll();
  if (first || !result) askSoon(PAUSE);
}

// ---- the answer -------------------------------------------------------------------------------------------------

function askSoon(wait) {
  clearTimeout(pause);
  pause = setTimeout(asking, wait);
}

async function asking() {
  const mine = ++turn;
  const missing = lacking();
  if (missing) return parts.place.replaceChildren(notice("empty", t(missing)));
  if (!result) parts.place.replaceChildren(notice("loading", t("state.loading")));
  parts.place.setAttribute("aria-busy", "true");
  try {
    const found = await (told.fan ? askFans() : askComparison());
    if (mine !== turn) return;
    result = found;
    parts.place.replaceChildren(...found.nodes);
    parts.said.textContent = t("compare.said", { indicators: told.indicator.map(nameOf).join(", "), n: found.columns });
    for (const drawing of found.draw) drawing();
  } catch (error) {
    if (mine === turn) { result = null; parts.place.replaceChildren(Object.assign(notice("failed", error.message), { lang: "en" })); }
  } finally {
    parts.place.setAttribute("aria-busy", "false");
  }
}

/** What must be chosen or said first, as a phrase. */
function lacking() {
  if (!told.fan && !state.runs.size) return "overview.empty";
  if (told.fan) return told.indicator.length && told.city.length && told.variant.length ? "" : "compare.choose_fan";
  return told.indicator.length && told.run.length ? "" : "compare.choose";
}

const bucket = () => parts.controls.bucket.control.value;

async function askComparison() {
  const answer = await ask("dashboard/comparison", {
    indicator: told.indicator, city: told.city, run: told.run, bucket: bucket(), start: told.start, end: told.end,
    against: told.start && told.end ? told.against : "", baseline: told.baseline, per: told.per, rank: told.rank || "", mixed_origins: told.mixed || "", local: told.utc ? "false" : "",
  });
  const sections = answer.sections.map((part) => sectionOf(part, answer, told.draw));
  const notes = [...answer.notes.map(saidAs), ...(told.against && !(told.start && told.end) ? [notice("said", t("compare.both_ends"))] : [])];
  return {
    nodes: [...notes, ...sections.map(({ node }) => node)], draw: sections.map(({ draw }) => draw), charts: sections.map(({ chart }) => chart),
    table: comparisonTable(answer), columns: Math.max(...answer.sections.map((part) => part.entries.length)),
  };
}

async function askFans() {
  const all = told.indicator.flatMap((indicator) => told.city.map((city) => [indicator, city]));
  const found = await Promise.all(all.slice(0, FANS).map(async ([indicator, city]) => {
    const answer = await ask("dashboard/fan", { indicator, city, variant: told.variant, bucket: bucket() });
    const chart = new Chart(`fan-${indicator}-${city}`, nameOf(indicator));
    const node = element("section", { class: "panel" }, element("h3", { text: t("fan.title", { indicator: nameOf(indicator), city: cityName(city) }) }), chart.node);
    return { node, chart, draw: () => fanOf(chart, answer, indicator, city), table: fanTable(answer, indicator, city) };
  }));
  const few = all.length > FANS ? [notice("said", t("compare.most", { n: FANS, all: all.length }))] : [];
  return { nodes: [...few, ...found.map(({ node }) => node)], draw: found.map(({ draw }) => draw), charts: found.map(({ chart }) => chart), columns: told.variant.length,
    table: { head: found[0].table.head, rows: found.flatMap(({ table: one }) => one.rows) } };
}

// ---- what can be saved ------------------------------------------------------------------------------------------

const table = () => result?.table ?? { head: [], rows: [] };
const name = () => (told.fan ? told.variant : told.run).slice(0, 3).join("-");

/** All charts of the page, one below the other. */
async function picture() {
  const made = [];
  for (const chart of result?.charts ?? []) made.push(await chart.picture());
  const drawn = made.filter(Boolean);
  if (drawn.length < 2) return drawn[0] ?? null;
  const whole = Object.assign(document.createElement("canvas"), {
    width: Math.max(...drawn.map(({ width }) => width)), height: drawn.reduce((sum, { height }) => sum + height, 0) });
  let top = 0;
  for (const one of drawn) {
    whole.getContext("2d").drawImage(one, 0, top);
    top += one.height;
  }
  return whole;
}
