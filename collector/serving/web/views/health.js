// How the data are: the accounts of messages, what is missing, what was rejected, and who reports what.

import { alertList, alertsOf } from "../alerts.js";
import { ask, figures, rowsOf } from "../api.js";
import { element, notice, table as tableOf } from "../dom.js";
import { tablePicture } from "../export.js";
import { age, clock, DAY, epoch, HOUR, iso, length, percent, whole } from "../format.js";
import { t } from "../i18n.js";
import { byOrder, cityName, nameOf, newest, originOf, state } from "../store.js";

const TERMS = ["stored", "rejected", "duplicate", "conflict", "pending"];
const REFRESH = 5000;
const SELDOM = 60000; // gaps, rejected messages and flags are questions to the store
const SLOW = 300000; // coverage is a long one
const WINDOW = 7 * DAY;
const HALF = HOUR / 2; // coverage counts whole half hours
const REJECTIONS = 50;
const SHOWN_BYTES = 160;
const STREAMS = 200;

let parts, matrix, asked, seldom, covered, turn = 0; // a turn for each time the view is opened or left: what was asked before it is not shown

export function open(root) {
  [matrix, asked, seldom, covered] = [null, 0, 0, 0];
  const mine = ++turn;
  const panel = (key, note) => {
    const body = element("div", {}, notice("loading", t("state.loading")));
    root.append(element("section", { class: "panel", id: `health-${key}` }, element("h3", { text: t(`health.${key}`) }), body,
      note ? element("p", { class: "note", text: t(note) }) : null));
    return body;
  };
  parts = {
    accounts: panel("accounts", "health.accounts_note"), coverage: panel("coverage", "health.coverage_note"), gaps: panel("gaps", "health.gaps_note"),
    rejected: panel("rejected"), flags: panel("flags", "health.flags_note"), alerts: panel("alerts"),
  };
  update();
  return { update: () => mine === turn && update(), close: () => { turn++; }, table, picture, runBound: true };
}

function update() {
  if (Date.now() - asked > REFRESH) {
    asked = Date.now();
    filling(parts.accounts, accounts);
  }
  if (state.run && Date.now() - seldom > SELDOM) {
    seldom = Date.now();
    filling(parts.gaps, gaps);
    filling(parts.rejected, rejected);
    filling(parts.flags, flags);
    filling(parts.alerts, async () => [alertList(await alertsOf(state.run))]);
  }
  if (state.run && newest() !== null && Date.now() - covered > SLOW) {
    covered = Date.now();
    filling(parts.coverage, coverage);
  }
  if (!state.run) {
    for (const key of ["gaps", "rejected", "coverage", "flags", "alerts"]) parts[key].replaceChildren(notice("empty", t("overview.empty")));
  }
}

async function filling(place, work) {
  const mine = turn;
  try {
    const made = await work();
    if (mine !== turn || (made.length === place.childNodes.length && made.every((node, at) => node.isEqualNode(place.childNodes[at])))) return;
    const held = place.contains(document.activeElement); // a reader by keyboard stays where he was
    place.replaceChildren(...made);
    if (held) place.querySelector(".scroll")?.focus();
  } catch (error) {
    if (mine === turn) place.replaceChildren(notice("failed", t("state.failed", { error: error.message })));
  }
}

// ---- received = stored + rejected + duplicate + conflict + pending ----------------------------------------------

async function accounts() {
  const [since, counts] = await Promise.all([figures(), state.run ? ask(`runs/${state.run}/counts`, { unknown: "empty" }) : null]);
  const figure = (name) => since.get(`nakhon_messages_${name}_total`) ?? since.get(`nakhon_messages_${name}`) ?? 0;
  const left = figure("received");
  const right = TERMS.reduce((sum, term) => sum + figure(term), 0);
  const box = (term, value) => element("div", { class: `term ${["rejected", "conflict"].includes(term) && value ? "alarm" : ""}` },
    element("dt", { text: t(`fate.${term}`) }), element("dd", { text: whole(value) }));
  const sign = (text) => element("span", { class: "sign", text, "aria-hidden": "true" });
  const terms = TERMS.flatMap((term, at) => [sign(at ? "+" : "="), box(term, figure(term))]);
  const even = left === right;
  const said = element("p", { class: `verdict ${even ? "good" : "bad"}`, text: even ? t("health.even") : t("health.uneven", { n: whole(Math.abs(left - right)) }) });
  const made = [element("dl", { class: "equation" }, box("received", left), ...terms), said];
  if (counts) made.push(element("p", { class: "note", text: t("health.of_run", { run: state.run, counts: Object.entries(counts.counts).map(([fate, n]) => `${t(`fate.${fate}`)} ${whole(n)}`).join(", ") }) }));
  const waiting = since.get("nakhon_spool_messages") ?? 0;
  if (waiting) made.push(element("p", { class: "note", text: t("health.spool", { n: whole(waiting) }) }));
  return made;
}

// ---- gaps, rejected messages, flags -----------------------------------------------------------------------------

async function gaps() {
  const { positions } = await ask("positions", { run: state.run });
  const holes = positions.map(({ stream, ranges }) => {
    const missing = ranges.slice(1).map(([first], at) => [ranges[at][1] + 1, first - 1]);
    if (ranges.length && ranges[0][0] > 0) missing.unshift([0, ranges[0][0] - 1]);
    return { stream, missing, n: missing.reduce((sum, [first, last]) => sum + last - first + 1, 0) };
  }).filter(({ n }) => n).sort((a, b) => b.n - a.n);
  if (!positions.length) return [notice("empty", t("health.no_streams"))];
  const total = holes.reduce((sum, { n }) => sum + n, 0);
  if (!total) return [notice("good", t("health.no_gaps", { n: whole(positions.length) }))];
  const head = [[t("station"), false], [t("city"), false], [t("health.session"), false], [t("health.missing"), true], [t("health.numbers"), false]];
  const rows = holes.slice(0, STREAMS).map(({ stream, missing, n }) => [stream.station, cityName(stream.city), stream.session, whole(n),
    missing.slice(0, 8).map(([first, last]) => (first === last ? first : `${first}–${last}`)).join(", ") + (missing.length > 8 ? " …" : "")]);
  return [element("p", { class: "verdict bad", text: t("health.some_gaps", { n: whole(total), streams: whole(holes.length), all: whole(positions.length) }) }), tableOf(t("health.gaps"), head, rows)];
}

async function rejected() {
  const { rejections } = await ask(`runs/${state.run}/rejections`, { limit: REJECTIONS, unknown: "empty" });
  const nameless = (await ask("rejections", { limit: REJECTIONS })).rejections.filter((one) => !one.run);
  const all = [...rejections, ...nameless].sort((a, b) => b.received - a.received).slice(0, REJECTIONS);
  if (!all.length) return [notice("good", t("health.no_rejected"))];
  const head = [[t("health.received"), false], [t("health.reason"), false], [t("health.topic"), false], [t("health.fate"), false], [t("health.size"), true], [t("health.payload"), false]];
  const rows = all.map((one) => [clock(one.received), one.reason, one.topic, t(`fate.${one.fate}`), t("bytes", { n: whole(one.size) }), element("code", { text: textOf(one.payload) })]);
  return [tableOf(t("health.rejected"), head, rows)];
}

/** The beginning of a payload, with what cannot be shown as dots. */
function textOf(payload) {
  const bytes = Uint8Array.from(atob(payload.slice(0, 4 * SHOWN_BYTES)), (sign) => sign.charCodeAt(0)).slice(0, SHOWN_BYTES);
  return new TextDecoder().decode(bytes).replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufffd]/g, "·");
}

async function flags() {
  let told;
  try {
    told = rowsOf(await ask("flags", { run: state.run, format: "json" }));
  } catch (error) {
    if (error.status === 400) return [notice("empty", error.message)];
    throw error;
  }
  if (!told.length) return [notice("empty", t("health.no_flags"))];
  const head = [[t("flag"), false], [t("city"), false], [t("station"), false], [t("indicator"), false], [t("first"), false], [t("last"), false], [t("detail"), false]];
  const rows = told.slice(-STREAMS).reverse().map((one) => [t(`flag.${one.kind}`), cityName(one.city), one.station, nameOf(one.indicator), clock(epoch(one.first)), clock(epoch(one.last)), one.detail ?? ""]);
  return [tableOf(t("health.flags"), head, rows)];
}

// ---- coverage: indicators x cities ------------------------------------------------------------------------------

async function coverage() {
  const [mine, run] = [turn, state.run];
  const told = await ask("dashboard/coverage", { run, ...window7() });
  if (mine !== turn) return [];
  matrix = { run, ...told };
  const cells = new Map(matrix.cells.map((one) => [`${one.city}/${one.indicator}`, one]));
  const there = byOrder(matrix.indicators.filter((name) => matrix.cities.some((city) => cells.get(`${city}/${name}`)?.last)));
  if (!there.length) return [notice("empty", t("overview.empty"))];
  const head = [[t("indicator"), false], ...matrix.cities.map((city) => [cityName(city), false])];
  const rows = there.map((name) => [nameOf(name), ...matrix.cities.map((city) => cellOf(cells.get(`${city}/${name}`)))]);
  const absent = matrix.indicators.filter((name) => !there.includes(name));
  const span = t("health.window", { start: clock(matrix.start), end: clock(matrix.end) });
  const made = [tableOf(t("health.coverage"), head, rows), legend(), element("p", { class: "note", text: `${span} ${t("origin.line", { origin: t(`origin.${originOf(state.run)}`) })}` })];
  if (absent.length) made.push(element("p", { class: "note", text: t("health.absent", { names: absent.map(nameOf).join(", ") }) }));
  return made;
}

/** The last 7 days of whole half hours; of a run that is younger than one, what there is. */
function window7() {
  const end = Math.floor(newest() / HALF) * HALF;
  if (end <= (state.runs.get(state.run)?.first ?? end)) return { start: iso(newest() - WINDOW), end: iso(newest() + 1) };
  return { start: iso(end - WINDOW), end: iso(end) };
}

const STATES = ["complete", "partial", "stale", "unscheduled", "missing"];
const SIGNS = { complete: "●", partial: "◐", stale: "◌", unscheduled: "○", missing: "–" };

const legend = () => element("ul", { class: "signs" }, ...STATES.map((one) => element("li", { class: `cover ${one}`, text: `${SIGNS[one]} ${t(`cover.${one}`)}` })));

function cellOf(cell) {
  const share = cell.share === null ? "" : percent(cell.share);
  const gap = cell.gap ? t("health.longest", { length: length(epoch(cell.gap[1]) - epoch(cell.gap[0])) }) : "";
  const title = [t(`cover.${cell.state}`), t("readings", { n: whole(cell.readings) }), cell.last ? `${t("last")} ${clock(epoch(cell.last))}` : "", gap].filter(Boolean).join(" · ");
  const old = cell.state === "stale" ? age(cell.age_s) : "";
  const made = element("span", { class: `cover ${cell.state}`, title }, element("span", { "aria-hidden": "true", text: SIGNS[cell.state] }),
    element("span", { class: "hidden", text: t(`cover.${cell.state}`) }));
  made.append(` ${[share, old].filter(Boolean).join(" · ")}`);
  return made;
}

function table() {
  const head = ["city", "indicator", "state", "origin", "stations", "readings", "first", "last", "age_s", "expected", "present", "share", "gap_first", "gap_last", "run"];
  const rows = (matrix?.cells ?? []).map((one) => [one.city, one.indicator, one.state, one.origin, one.stations, one.readings, one.first, one.last, one.age_s,
    one.expected, one.present, one.share, one.gap?.[0], one.gap?.[1], matrix.run]);
  return { head, rows };
}

/** Who reports what as it is on the page, above the accounts in words. */
function picture() {
  const shown = parts.coverage.querySelector("table");
  if (!shown) return null;
  const texts = (row) => [...row.cells].map((cell) => cell.textContent.replace(cell.querySelector(".hidden")?.textContent ?? "", "").trim());
  const [head, ...rows] = [...shown.rows].map(texts);
  const accounts = [...parts.accounts.querySelectorAll(".term")].map((term) => `${term.firstChild.textContent} ${term.lastChild.textContent}`).join(", ");
  const notes = [...parts.coverage.querySelectorAll(".signs, .note"), parts.gaps.querySelector(".verdict, .notice")].map((one) => one?.innerText.replaceAll("\n", "   "));
  return tablePicture({ title: `${t("health.coverage")} · ${state.run}`, notes: [...notes, accounts], head, rows });
}
