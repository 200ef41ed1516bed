// Numbers, ages and times as people read them in the language of the page. Seconds since 1970 stand for times.

import { language, t } from "./i18n.js";

export const MINUTE = 60, HOUR = 3600, DAY = 86400;
const MISSING = "–";

export function number(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return MISSING;
  const size = Math.abs(value);
  const digits = size >= 1000 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
  return value.toLocaleString("en", { maximumFractionDigits: digits, signDisplay: "negative" });
}

export const whole = (value) => (value ?? 0).toLocaleString("en", { maximumFractionDigits: 0 });

/** A share as a percentage that is never rounded up to whole. */
export function percent(share) {
  if (share === null || share === undefined) return MISSING;
  return `${(Math.floor(share * 1000) / 10).toLocaleString("en")} %`;
}

export function signed(value) {
  return value > 0 ? `+${number(value)}` : number(value).replace("-", "−");
}

export function age(seconds) {
  if (seconds === null || seconds === undefined) return MISSING;
  if (seconds < MINUTE) return t("age.now");
  if (seconds < HOUR) return t("age.minutes", { n: Math.floor(seconds / MINUTE) });
  if (seconds < 2 * DAY) return t("age.hours", { n: Math.floor(seconds / HOUR) });
  return t("age.days", { n: Math.floor(seconds / DAY) });
}

/** A length of time. */
export function length(seconds) {
  if (!seconds) return MISSING;
  const [size, word] = seconds % DAY === 0 ? [DAY, "days"] : seconds % HOUR === 0 ? [HOUR, "hours"]
    : seconds % MINUTE === 0 ? [MINUTE, "minutes"] : [1, "seconds"];
  return t(`length.${word}`, { n: number(seconds / size) });
}

/** A time to the minute: ISO in English; in Thai the Buddhist era, day first. */
export function clock(seconds, zone = "UTC") {
  if (seconds === null || seconds === undefined) return MISSING;
  const at = new Date(seconds * 1000);
  if (language() === "th") {
    const form = { dateStyle: "medium", timeStyle: "short", timeZone: zone, hour12: false };
    return at.toLocaleString("th-TH-u-ca-buddhist", form);
  }
  return at.toLocaleString("sv-SE", {
    timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit",
  });
}

export const day = (seconds, zone = "UTC") => {
  if (seconds === null || seconds === undefined) return MISSING;
  const at = new Date(seconds * 1000);
  if (language() === "th") return at.toLocaleDateString("th-TH-u-ca-buddhist", { dateStyle: "medium", timeZone: zone });
  return at.toLocaleDateString("sv-SE", { timeZone: zone });
};

/** The month that a statistic is of; it starts up to 14 hours earlier in UTC. */
export function month(start) {
  const at = new Date((start + 14 * HOUR) * 1000);
  if (language() !== "th") return at.toISOString().slice(0, 7);
  return at.toLocaleDateString("th-TH-u-ca-buddhist", { month: "short", year: "numeric", timeZone: "UTC" });
}

export const iso = (seconds) => new Date(seconds * 1000).toISOString().slice(0, 19) + "Z";
export const epoch = (text) => Date.parse(/[zZ]|[+-]\d\d:?\d\d$/.test(text) ? text : `${text}Z`) / 1000;

const zones = new Map();

/** A time as ISO 8601 on the clock of a zone, for the axis of a chart. */
export function onClock(seconds, zone) {
  if (!zones.has(zone)) zones.set(zone, formOf(zone));
  return zones.get(zone).format(new Date(seconds * 1000)).replace(" ", "T");
}

function formOf(zone) {
  const form = { dateStyle: "short", timeStyle: "medium", timeZone: zone };
  try {
    return new Intl.DateTimeFormat("sv-SE", form);
  } catch {
    return new Intl.DateTimeFormat("sv-SE", { ...form, timeZone: "UTC" });
  }
}
