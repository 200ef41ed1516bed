// What differs between two runs: of an experiment as its plan says it; of others what the store knows, and what it does not.

import { ask, rowsOf } from "../api.js";
import { element, field, notice, offer, table as tableOf } from "../dom.js";
import { clock, number, whole } from "../format.js";
import { t } from "../i18n.js";
import { remember } from "../route.js";
import { nameOf, state } from "../store.js";

let parts, chosen, shown, turn = 0;

export function open(root, params) {
  const names = [...state.runs.keys()];
  const second = params.get("b") ?? params.get("run") ?? state.run ?? names.at(-1) ?? "";
  chosen = { a: params.get("a") ?? names.filter((one) => one !== second).at(-1) ?? second, b: second };
  shown = { head: [], rows: [] };
  parts = build(root);
  askBoth();
  return { update, close: () => { turn++; }, table: () => shown };
}

function update() {
  const names = [...state.runs.keys()];
  const before = parts.pickers.a.options.length;
  if (names.length === before || !names.length) return;
  if (!chosen.b) chosen = { a: names[0], b: names.at(-1) };
  offerRuns();
  if (!before) askBoth();
}

function build(root) {
  const pickers = {};
  for (const side of ["a", "b"]) {
    pickers[side] = element("select", { id: `run-${side}` });
    pickers[side].addEventListener("change", () => { chosen[side] = pickers[side].value; remember({ [side]: chosen[side] }); askBoth(); });
  }
  const place = element("div", { class: "stack" });
  root.append(element("div", { class: "controls" }, field(t("scenario.first"), pickers.a), field(t("scenario.second"), pickers.b)), place);
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
  const facts = both.map(factsOf);
  const rows = Object.keys(facts[0]).map((key) => [key, facts[0][key], facts[1][key]]);
  shown = { head: [t("scenario.fact"), chosen.a, chosen.b], rows: [...rows.map(([key, a, b]) => [t(`fact.${key}`), a, b])] };
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

function factsOf({ info, series, stations, cities, variant }) {
  return {
    origin: info.origin ? t(`origin.${info.origin}`) : "–", scenario: info.scenario ?? "–", variant: variant?.name ?? "–", digest: info.digest ? info.digest.slice(0, 16) : "–",
    first: clock(info.first), last: clock(info.last ?? info.time), readings: whole(info.readings), cities: whole(cities.length),
    stations: whole(stations.length), indicators: whole(new Set(series.map((row) => row.indicator)).size), series: whole(series.length),
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
  for (const [path, meaning, before, after, unit] of rows) shown.rows.push([`${variant.name}: ${path} (${meaning}, ${unit})`, before, after]);
  const grounds = variant.interventions.map((one) => element("p", { class: "note", text: `${one.title}: ${one.source ? t("scenario.source", { source: one.source }) : t("scenario.assumption", { text: one.assumption ?? "–" })}` }));
  return element("section", { class: "panel" }, element("h3", { text: title }), variant.description ? element("p", { text: variant.description }) : null,
    rows.length ? tableOf(title, head, rows) : notice("empty", t("scenario.baseline")), ...grounds);
}

const said = (value) => (value === null || value === undefined ? t("scenario.absent") : typeof value === "number" ? number(value) : String(value));

function only(both, what, names) {
  const [a, b] = both.map((one) => new Set(names(one)));
  const lists = [[chosen.a, [...a].filter((one) => !b.has(one))], [chosen.b, [...b].filter((one) => !a.has(one))]];
  const items = lists.filter(([, found]) => found.length).map(([run, found]) =>
    element("li", { text: `${t("scenario.only", { run })}: ${found.sort().slice(0, 60).join(", ")}${found.length > 60 ? ` … (${found.length})` : ""}` }));
  return element("section", { class: "panel" }, element("h3", { text: t(`fact.${what}`) }),
    items.length ? element("ul", {}, ...items) : element("p", { class: "note", text: t("scenario.alike") }));
}
