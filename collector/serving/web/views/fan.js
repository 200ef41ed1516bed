// The fan of an experiment: for each variant the median of its replications, half of them, and nine in ten.

import { colour, faded, plain } from "../chart.js";
import { clock, length, number } from "../format.js";
import { t } from "../i18n.js";
import { cityName, entryOf, fromZero, nameOf, unitSaid } from "../store.js";

const onAxis = (seconds) => new Date(seconds * 1000).toISOString().slice(0, 19);

export function fanOf(chart, { fans, bucket }, indicator, city) {
  const many = fans.length > 3;
  chart.draw({
    key: `${indicator}/${city}/fan`, y: unitSaid(indicator), zero: fromZero(indicator), x: t("time.cities"), height: 440, title: `${t("fan.title", { indicator: nameOf(indicator), city: cityName(city) })} (${unitSaid(indicator)})`,
    traces: [...fans.flatMap((fan, place) => bandsOf(fan, colour(place), many)), ...fans.map((fan, place) => medianOf(fan, colour(place)))],
    notes: [t("fan.note"), t("section.buckets", { length: length(bucket) }), t("origin.line", { origin: t("origin.simulated") }), t("fan.forecast")],
    rows: () => ({ head: headOf(indicator).map((text, at) => [text, at > 1]), rows: fans.flatMap((fan) => fan.times.map((time, at) =>
      [fan.variant, clock(time), ...fan.quantiles.map((line) => number(line[at]))])) }),
  });
}

const headOf = (indicator) => [t("variant"), t("time.cities"), ...["5", "25", "50", "75", "95"].map((share) => `${share} % (${unitSaid(indicator)})`)];

const traceOf = ({ variant, times }) => ({ type: "scatter", mode: "lines", x: times.map(onAxis), legendgroup: variant });

function bandsOf(fan, tint, many) {
  const [low, lower, , upper, high] = fan.quantiles;
  const edge = { ...traceOf(fan), line: { width: 0, color: tint }, hoverinfo: "skip", showlegend: false };
  const band = (bottom, top, opacity) => [{ ...edge, y: bottom }, { ...edge, y: top, fill: "tonexty", fillcolor: faded(tint, opacity) }];
  return [...band(low, high, many ? 0.1 : 0.16), ...(many ? [] : band(lower, upper, 0.26))];
}

/** Above all bands, so that no variant hides another's. */
const medianOf = (fan, tint) => ({
  ...traceOf(fan), y: fan.quantiles[2], line: { color: tint, width: 2.2 }, hovertemplate: "%{y:.4~g}",
  name: plain(t("fan.legend", { variant: fan.variant, n: fan.replications, origin: t("origin.simulated") })),
});

export function fanTable({ fans }, indicator, city) {
  const head = ["variant", "replications", "city", "indicator", "unit", "time_local", "q05", "q25", "q50", "q75", "q95", "origin"];
  const rows = fans.flatMap((fan) => fan.times.map((time, at) => [fan.variant, fan.replications, city, indicator, entryOf(indicator)?.unit, onAxis(time),
    ...fan.quantiles.map((line) => line[at]), "simulated"]));
  return { head, rows };
}
