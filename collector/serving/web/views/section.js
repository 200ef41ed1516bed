// One indicator of a comparison: what must be said of it, its chart and its table.

import { Chart, faded, line, plain, tone } from "../chart.js";
import { element, notice, table as tableOf } from "../dom.js";
import { clock, day, epoch, length, number, percent, signed } from "../format.js";
import { sentence, t, unitName } from "../i18n.js";
import { entryOf, fromZero, nameOf } from "../store.js";

const FEW = 4; // notices on single columns that are shown at once
const onAxis = (seconds) => new Date(seconds * 1000).toISOString().slice(0, 19);

/** The node of a section, its chart, and what draws it once it is in the page. */
export function sectionOf(part, whole, drawing) {
  const unit = unitName(part.unit);
  const chart = new Chart(`compare-${part.indicator}`, nameOf(part.indicator));
  const entry = entryOf(part.indicator);
  const better = entry && entry.better !== "target" ? t(`better.${entry.better}`) : t("better.target");
  const node = element("section", { class: `panel ${part.lifted ? "lifted" : ""}` },
    element("h3", { text: `${nameOf(part.indicator)} (${unit})` }), element("p", { class: "note", text: better }),
    ...noticesOf(part), chart.node, tableOf(nameOf(part.indicator), head(part, unit), part.entries.map((one) => cells(one, part))));
  return { node, chart, draw: () => draw(chart, part, whole, drawing, unit) };
}

/** A column as a legend shows it: city, run, range, and where its values and its model's parameters come from. */
function labelOf({ cells: row, origin, shift }) {
  const run = shift ? `${row.run}, ${t("section.from", { day: dayOf(row.from) })}` : row.run;
  const parameters = row.parameters && innerWidth > 600 ? t("parameters", { origins: said(row.parameters) }) : "";
  return `${row.city_name || row.city}, ${run} (${[t(`origin.${origin}`), parameters].filter(Boolean).join(", ")})`;
}

const said = (parameters) => parameters.split(" and ").map((one) => t(`origin.${one}`)).join(t("and"));
const dayOf = (from) => day(epoch(from.slice(0, 10)));

/** The notices on the whole, and those on single columns: of many cities these are many. */
function divided({ notices, entries }) {
  const names = [...new Set(entries.map(({ label }) => label.replace(/ \([^(]*\)$/, "")))];
  const single = notices.filter((text) => names.some((name) => text.startsWith(`${name}: `)));
  return { whole: notices.filter((text) => !single.includes(text)), single };
}

function noticesOf(part) {
  const { whole, single } = divided(part);
  if (single.length <= FEW) return part.notices.map(saidAs);
  return [...whole.map(saidAs), element("details", { class: "said" }, element("summary", { text: t("section.columns", { n: single.length }) }), ...single.map(saidAs))];
}

/** The same below the chart and in its picture. */
function noted(part) {
  const { whole, single } = divided(part);
  return single.length <= FEW ? part.notices.map(sentence) : [...whole.map(sentence), t("section.in_csv", { n: single.length })];
}

/** What the API says, in the language of the page where it is known; marked as English where it is not. */
export function saidAs(text) {
  const words = sentence(text);
  return Object.assign(notice("said", words), words === text ? { lang: "en" } : {});
}

const ranked = (part) => part.entries.some(({ cells: row }) => row.rank !== null);

function head(part, unit) {
  const names = [["city", false], ["run", false], ["origin", false], ["coverage", true], ["mean", true], ["p95", true],
    ["difference", true], ["interval", true], ["verdict", false], ["ratio", true], ...(ranked(part) ? [["rank", true]] : [])];
  const measured = ["mean", "median", "p95", "difference", "interval"];
  return names.map(([name, numeric]) => [`${t(`column.${name}`)}${measured.includes(name) ? ` (${unit})` : ""}`, numeric]);
}

function cells({ cells: row, origin, shift }, part) {
  const parameters = row.parameters ? t("parameters", { origins: said(row.parameters) }) : "";
  const run = shift ? `${row.run} (${dayOf(row.from)})` : row.run;
  const interval = row.low !== null ? `${signed(row.low)} … ${signed(row.high)}`
    : row.no_interval ? element("span", { class: "words", text: t(`interval.${row.no_interval}`, { n: row.days_common }) }) : "–";
  const counts = [`n ${row.n}`, row.sparse ? t("coverage.few", { n: row.sparse }) : "", row.quiet ? t("coverage.quiet", { n: row.quiet }) : ""];
  const verdict = element("span", { class: `verdict-${row.verdict.replaceAll(" ", "-")}`, text: t(`verdict.${row.verdict}`) });
  const rank = row.rank === null ? "–" : row.rank_low === null ? row.rank : `${row.rank} (${row.rank_low}–${row.rank_high})`;
  return [row.city_name || row.city, run, element("span", { class: "words", text: [t(`origin.${origin}`), parameters].filter(Boolean).join(", ") }), `${percent(row.coverage)} (${counts.filter(Boolean).join(", ")})`,
    number(row.mean), number(row.p95), row.difference === null ? "–" : signed(row.difference), interval,
    verdict, row.ratio === null ? "–" : number(row.ratio), ...(ranked(part) ? [rank] : [])];
}

function draw(chart, part, whole, drawing, unit) {
  const differing = drawing === "difference";
  const byLabel = new Map(part.entries.map((entry) => [entry.label, entry]));
  const shown = differing ? part.entries.filter(({ reference }) => reference) : part.entries;
  const lines = shown.map((entry) => ({ entry, points: differing ? gaps(entry, byLabel.get(entry.reference)) : entry }));
  const step = part.entries[0]?.step ?? whole.bucket;
  const traces = lines.map(({ entry, points }) => ({
    type: "scatter", mode: points.times.length > 60 ? "lines" : "lines+markers", name: plain(labelOf(entry)), line: line(part.entries.indexOf(entry)),
    hovertemplate: "%{y:.4~g}", connectgaps: false, ...gapped(points, step),
  }));
  const what = differing ? t("section.difference", { reference: part.entries[0] ? labelOf(part.entries[0]) : "" }) : "";
  const clockSaid = whole.local ? t("time.cities") : t("time.utc");
  chart.draw({
    key: `${part.indicator}/${drawing}`, y: unit, zero: fromZero(part.indicator), x: clockSaid, traces, height: 380 + 22 * Math.max(0, traces.length - 2),
    title: `${nameOf(part.indicator)} (${unit})`, layout: { ...watermark(part), yaxis: differing ? { zeroline: true, rangemode: "normal" } : {}, legend: { orientation: "v", y: 1.02, yanchor: "bottom", x: 0, maxheight: 40 + 22 * traces.length } },
    empty: differing ? t("section.no_difference") : t("state.nothing"),
    notes: [t("section.buckets", { length: length(step) }), what, ...noted(part)],
    rows: () => rowsOf(lines, clockSaid, unit),
  });
}

/** Across a chart that is judged though its columns are of unlike origins: on the page and in the picture. */
function watermark(part) {
  const origins = [...new Set(part.entries.map(({ origin }) => origin))].sort();
  if (!part.lifted || (origins.length < 2 && origins[0] !== "unknown")) return {};
  const text = t("compare.mark", { origins: origins.map((one) => t(`origin.${one}`)).join(" + ") });
  return { annotations: [{ text: plain(text), xref: "paper", yref: "paper", x: 0.5, y: 0.5, showarrow: false, textangle: -12,
    font: { size: innerWidth > 600 ? 34 : 18, color: faded(tone("warn"), 0.45) } }] };
}

/** The differences from the reference in the buckets that both have. */
function gaps(entry, reference) {
  const held = new Map((reference?.times ?? []).map((time, at) => [time, reference.values[at]]));
  const both = entry.times.map((time, at) => [time, entry.values[at] - held.get(time)]).filter(([, gap]) => Number.isFinite(gap));
  return { times: both.map(([time]) => time), values: both.map(([, gap]) => gap) };
}

/** Points with a hole where buckets are missing: nothing is drawn across. */
function gapped({ times, values }, step) {
  const [x, y] = [[], []];
  times.forEach((time, at) => {
    if (at && time - times[at - 1] > step) { x.push(onAxis(times[at - 1] + step)); y.push(null); }
    x.push(onAxis(time));
    y.push(values[at]);
  });
  return { x, y };
}

function rowsOf(lines, clockSaid, unit) {
  const held = lines.map(({ points }) => new Map(points.times.map((time, at) => [time, points.values[at]])));
  const times = [...new Set(held.flatMap((one) => [...one.keys()]))].sort((a, b) => a - b);
  const head = [[clockSaid, false], ...lines.map(({ entry }) => [`${labelOf(entry)} (${unit})`, true])];
  return { head, rows: times.map((time) => [clock(time), ...held.map((one) => number(one.get(time)))]) };
}

/** The whole table of the comparison, with everything the API says. */
export function comparisonTable({ headings, sections }) {
  const keys = Object.keys(headings);
  return { head: keys, rows: sections.flatMap((part) => part.entries.map(({ cells: row }) => keys.map((key) => row[key]))) };
}
