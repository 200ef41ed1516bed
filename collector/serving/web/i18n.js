// The languages of the page: English and Thai. `words.js` holds every phrase in both.

import { INDICATORS, PHRASES, UNITS } from "./words.js";

const LANGUAGES = ["en", "th"];
const KEPT = "nakhon.language";

export const asked = () => /[?&]lang=(en|th)(&|$)/.exec(location.hash)?.[1] ?? null;

let spoken = asked() ?? localStorage.getItem(KEPT) ?? (navigator.language?.startsWith("th") ? "th" : "en");

export const language = () => (LANGUAGES.includes(spoken) ? spoken : "en");

/** Speak a language from now on; if it is to be kept, also when the page is opened again. */
export function speak(chosen, kept = true) {
  spoken = chosen;
  if (kept) localStorage.setItem(KEPT, chosen);
}

/** A phrase in the language of the page, with what is put into it. */
export function t(key, given = {}) {
  const phrase = PHRASES[key]?.[LANGUAGES.indexOf(language())];
  if (phrase === undefined) return key;
  return phrase.replace(/\{(\w+)\}/g, (whole, name) => (name in given ? given[name] : whole));
}

/** The name of an indicator: in English that of the catalogue. */
export function indicatorName(indicator, name) {
  return (language() === "th" && INDICATORS[indicator]) || name || indicator;
}

/** A unit as it is written; words in the language of the page. */
export function unitName(unit) {
  if (unit === "1") return t("unit.none");
  return (language() === "th" && UNITS[unit]) || unit;
}

export const pillarName = (pillar) => (PHRASES[`pillar.${pillar}`] ? t(`pillar.${pillar}`) : pillar);

/** The name of a country by its code of two letters. */
export function countryName(code) {
  try {
    return new Intl.DisplayNames([language()], { type: "region" }).of(code) ?? code;
  } catch {
    return code;
  }
}
