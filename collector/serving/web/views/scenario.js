// What differs between two runs: of an experiment as its plan says it; of others what the store knows, and what it does not.

import { ask, rowsOf } from "../api.js";
import { element, field, notice, offer, table as tableOf } from "../dom.js";
import { tablePicture } from "../export.js";
import { clock, iso, number, whole } from "../format.js";
import { t } from "../i18n.js";
import { remember } from "../route.js";
import { nameOf, originOf, state } from "../store.js";
import { leftOut } from "./asked.js";

let parts, chosen, shown, saved, turn = 0;

export function open(root, params) {
  const names = [...state.runs.keys()];
  const second = params.get("b") ?? params.get("run") ?? state.run ?? names.at(-1) ?? "";
  chosen = { a: params.get("a") ?? names.filter((one) => one !== second).at(-1) ?? second, b: second };
  const known = (side) => !names.length || names.includes(params.get(side));
  const strange = leftOut(["a", "b"].map((side) => [side, params.get(side), known(side)]));
  shown = saved = { head: [], rows: [] };
  parts = build(root, strange);
  askBoth();
  return { update, close: () => { turn++; }, table: () => saved, picture, address: () => chosen, name: () => `${chosen.a}-${chosen.b}` };
}

function update() {
  const names = [...state.runs.keys()];
  const before = parts.pickers.a.options.length;
  if (names.length === before || !names.length) return;
  if (!chosen.b) chosen = { a: names[0], b: names.at(-1) };
  offerRuns();
  if (!before) askBoth();
}

function build(root, strange) {
  const pickers = {};
  for (const side of ["a", "b"]) {
    pickers[side] = element("select", { id: `run-${side}` });
    pickers[side].addEventListener("change", () => { chosen[side] = pickers[side].value; strange[0]?.remove(); remember(chosen); askBoth(); });
  }
  const place = element("div", { class: "stack" });
  root.append(...strange, element("div", { class: "controls" }, field(t("scenario.first"), pickers.a), field(t("scenario.second"), pickers.b)), place);
  parts = { pickers, place };
  offerRuns();
  return parts;
}

function offerRuns() {
  const pairs = [...state.runs.keys()].map((name) => [name, name]);
  for (const side of ["a", "b"]) chosen[side] = offer(parts.pickers[side], pairs, chosen[side]);
}

async function askBoth() {
  const mine = ++turn;
  if (!chosen.a) return parts.place.replaceChildren(notice("empty", t("overview.empty")));
  parts.place.replaceChildren(notice("loading", t("state.loading")));
  try {
    const both = await Promise.all([chosen.a, chosen.b].map(askOf));
    if (mine === turn) show(both);
  } catch (error) {
    if (mine === turn) parts.place.replaceChildren(notice("failed", t("state.failed", { error: error.message })));
  }
}

async function askOf(run) {
  const [series, stations, cities, plan] = await Promise.all([
    ask(`runs/${run}/series`, { format: "json" }), ask(`runs/${run}/stations`), ask(`runs/${run}/cities`), ask("dashboard/scenario", { run }),
  ]);
  return { run, info: state.runs.get(run) ?? {}, series: rowsOf(series), stations: stations.stations, cities: cities.cities, ...plan };
}

function show(both) {
  const [facts, plain] = [both.map((one) => factsOf(one)), both.map((one) => factsOf(one, exact))];
  const rows = Object.keys(facts[0]).map((key) => [key, facts[0][key], facts[1][key]]);
  shown = { head: [t("scenario.fact"), chosen.a, chosen.b], rows: rows.map(([key, a, b]) => [t(`fact.${key}`), a, b]) };
  saved = { head: ["fact", chosen.a, chosen.b], rows: rows.map(([key]) => [key, plain[0][key], plain[1][key]]) };
  const marked = rows.map(([key, a, b]) => [t(`fact.${key}`), cell(a, a !== b), cell(b, a !== b)]);
  const said = verdict(both);
  parts.place.replaceChildren(
    element("section", { class: "panel" }, element("h3", { text: t("scenario.verdict") }), element("p", { class: "verdict", text: said })),
    ...planOf(both),
    element("section", { class: "panel" }, element("h3", { text: t("scenario.facts") }),
      tableOf(t("scenario.facts"), [[t("scenario.fact"), false], [chosen.a, false], [chosen.b, false]], marked), element("p", { class: "note", text: t("scenario.marked") })),
    only(both, "cities", (one) => one.cities.map(({ profile }) => profile.name || profile.id)),
    only(both, "stations", (one) => one.stations.map((station) => `${station.city}/${station.id}`)),
    only(both, "indicators", (one) => one.series.map((row) => nameOf(row.indicator))),
  );
}

const cell = (text, differs) => element("span", { class: differs ? "differs" : "", text: `${differs ? "* " : ""}${text}` });

const read = { origin: (origin) => (origin ? t(`origin.${origin}`) : "–"), text: (text) => text ?? "–", digest: (text) => (text ? text.slice(0, 16) : "–"), time: clock, count: whole };
const same = (told) => told ?? "";
const exact = { origin: same, text: same, digest: same, time: (seconds) => (seconds ? iso(seconds) : ""), count: same };

/** The facts of a run as they are read, or exactly. */
function factsOf({ info, series, stations, cities, variant }, as = read) {
  return {
    origin: as.origin(info.origin), scenario: as.text(info.scenario), variant: as.text(variant?.name), digest: as.digest(info.digest),
    first: as.time(info.first), last: as.time(info.last ?? info.time), readings: as.count(info.readings), cities: as.count(cities.length),
    stations: as.count(stations.length), indicators: as.count(new Set(series.map((row) => row.indicator)).size), series: as.count(series.length),
  };
}

/** What may be said of the two scenarios, and no more. */
function verdict([a, b]) {
  if (a.run === b.run) return t("scenario.same_run");
  if (a.info.origin === "measured" || b.info.origin === "measured") return t("scenario.measured");
  const [first, second] = [a.info.digest, b.info.digest];
  if (!first || !second) return t("scenario.unknown");
  if (first === second) return t("scenario.same");
  return a.plan || b.plan ? t("scenario.planned") : t("scenario.differ");
}

function planOf(both) {
  const plan = both[0].plan;
  if (!plan) return [];
  const about = [plan.title, plan.question, plan.description].filter(Boolean).map((text) => element("p", { text }));
  const facts = t("scenario.plan", { n: plan.replications, seed: plan.seed, baseline: plan.baseline });
  const variants = [...new Map(both.filter((one) => one.variant).map((one) => [one.variant.name, one.variant])).values()];
  return [
    element("section", { class: "panel" }, element("h3", { text: t("scenario.experiment") }), ...about, element("p", { class: "note", text: facts })),
    ...variants.map(variantOf),
  ];
}

function variantOf(variant) {
  const title = `${variant.title || variant.name} (${variant.name})`;
  const head = [[t("scenario.setting"), false], [t("scenario.meaning"), false], [t("scenario.before"), true], [t("scenario.after"), true], [t("unit"), false]];
  const rows = variant.differences.map((one) => [one.path, one.meaning, said(one.before), said(one.after), one.unit || "–"]);
  for (const [path, meaning, before, after, unit] of rows) {
    for (const { rows: all } of [shown, saved]) all.push([`${variant.name}: ${path} (${meaning}, ${unit})`, before, after]);
  }
  const grounds = variant.interventions.map((one) => element("p", { class: "note", text: `${one.title}: ${one.source ? t("scenario.source", { source: one.source }) : t("scenario.assumption", { text: one.assumption ?? "–" })}` }));
  return element("section", { class: "panel" }, element("h3", { text: title }), variant.description ? element("p", { text: variant.description }) : null,
    rows.length ? tableOf(title, head, rows) : notice("empty", t("scenario.baseline")), ...grounds);
}

const said = (value) => (value === null || value === undefined ? t("scenario.absent") : typeof value === "number" ? number(value) : String(value));

function only(both, what, names) {
  const [a, b] = both.map((one) => new Set(names(one)));
  const lists = [[chosen.a, [...a].filter((one) => !b.has(one))], [chosen.b, [...b].filter((one) => !a.has(one))]];
  saved.rows.push([`only_here_${what}`, ...lists.map(([, found]) => found.sort().join("; "))]);
  const items = lists.filter(([, found]) => found.length).map(([run, found]) =>
    element("li", { text: `${t("scenario.only", { run })}: ${found.sort().slice(0, 60).join(", ")}${found.length > 60 ? ` … (${found.length})` : ""}` }));
  return element("section", { class: "panel" }, element("h3", { text: t(`fact.${what}`) }),
    items.length ? element("ul", {}, ...items) : element("p", { class: "note", text: t("scenario.alike") }));
}

/** Both runs' facts as a picture, which says the origin of both. */
function picture() {
  if (!shown.rows.length) return null;
  const origins = [...new Set([chosen.a, chosen.b])].map((run) => `${run}: ${t(`origin.${originOf(run)}`)}`);
  return tablePicture({ title: `${t("view.scenario")}: ${t("scenario.both", chosen)}`, notes: origins, ...shown });
}
