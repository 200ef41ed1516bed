// The languages of the page: English and Thai. `words.js` holds every phrase in both.

import { INDICATORS, PHRASES, SENTENCES, UNITS } from "./words.js";

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
  if (language() !== "th") return unit;
  return unit.split(" per ").map((part) => UNITS[part] ?? part).join(" ต่อ ");
}

/** What the comparison says, in the language of the page; as it is where no pattern knows it. */
export function sentence(text) {
  const [pattern, thai] = (language() === "th" && SENTENCES.find(([one]) => one.test(text))) || [];
  if (!pattern) return text;
  const found = pattern.exec(text);
  return thai.replace(/\{(\d)\}/g, (_, place) => found[place].split("; ").map(sentence).join("; "));
}

/** What a population counts, as its profile says. */
export const populationKind = (kind) => (PHRASES[`kind.${kind || "unknown"}`] ? t(`kind.${kind || "unknown"}`) : kind);

export const pillarName = (pillar) => (PHRASES[`pillar.${pillar}`] ? t(`pillar.${pillar}`) : pillar);

/** The name of a country by its code of two letters. */
export function countryName(code) {
  try {
    return new Intl.DisplayNames([language()], { type: "region" }).of(code) ?? code;
  } catch {
    return code;
  }
}
