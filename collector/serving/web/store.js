// What the collector says, live: a snapshot, then what changed, over one event stream; whoever asks is told.

import { ask, askOnce, health } from "./api.js";
import { indicatorName, unitName } from "./i18n.js";

const SILENCE = 5000; // the collector speaks every second

export const state = {
  catalogue: new Map(), runs: new Map(), cities: new Map(), values: new Map(), parameters: new Map(),
  run: null, wanted: "", missing: "", heard: 0, deliveries: null, login: false, failed: "",
  collecting: true, bucket: null,
};
let stream = null;
let listed = false; // whether all runs are known, beside those that are live
let told = "";
const listeners = new Set();

/** Call a function with {fresh, values} after every word of the collector; the answer ends that. */
export function follow(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** The run that is shown: one by name, or the newest. */
export function choose(run) {
  state.wanted = run;
  checkRun();
  listen();
}

/**
 * Ask what does not change, and listen; tried again until the collector answers. `changed` is called each time.
 * The newest run is there whatever the answers; `wantsRuns` says whether the view needs all runs before it can be shown.
 */
export async function begin(changed, wantsRuns) {
  const unnamed = !state.wanted;
  if (unnamed) listen();
  try {
    const later = unnamed && !wantsRuns();
    const [{ indicators }, told] = await Promise.all([askOnce("indicators"), health(), later ? null : askRuns()]);
    state.catalogue = new Map(indicators.map((entry) => [entry.id, entry]));
    [state.login, state.collecting, state.bucket] = [told.login, told.collecting, told.bucket];
    state.failed = "";
    changed();
    if (later) await askRuns();
  } catch (error) {
    state.failed = error.message;
    changed();
    setTimeout(() => begin(changed, wantsRuns), 2000);
    return;
  }
  checkRun();
  if (!unnamed) listen();
}

/** A run that is not there (a shared address may be old) gives way to the newest. */
function checkRun() {
  if (!listed) return;
  state.missing = state.wanted && !state.runs.has(state.wanted) ? state.wanted : "";
  if (state.missing) state.wanted = "";
}

async function askRuns() {
  const { runs } = await ask("runs");
  listed = true;
  const heard = state.runs;
  state.runs = new Map(runs.map((run) => [run.run, { ...run, time: run.last, ...heard.get(run.run) }]));
  for (const [name, run] of heard) if (!state.runs.has(name)) state.runs.set(name, run);
  tell({ fresh: false, values: [] });
}

export function connection() {
  const silent = Date.now() - state.heard > SILENCE;
  if (!silent && stream?.readyState === EventSource.OPEN) return "live";
  return state.heard ? "lost" : "waiting";
}

function listen() {
  stream?.close();
  const opened = new EventSource(`/api/v1/live${state.wanted ? `?run=${encodeURIComponent(state.wanted)}` : ""}`);
  stream = opened;
  opened.addEventListener("snapshot", (event) => hear(JSON.parse(event.data), true));
  opened.addEventListener("delta", (event) => hear(JSON.parse(event.data), false));
  opened.onerror = () => {
    // given up: the run may be gone, or a login needed; the collector is asked, which tells
    if (opened.readyState === EventSource.CLOSED && stream === opened) setTimeout(() => begin(() => {}, () => true), 2000);
  };
}

function hear(view, fresh) {
  state.heard = Date.now();
  const another = view.run !== state.run;
  if (fresh || another) forget(view.run);
  if (!state.wanted && view.runs.length && view.runs.at(-1).run !== view.run) return listen();
  for (const run of view.runs) state.runs.set(run.run, { ...state.runs.get(run.run), ...run });
  for (const city of view.cities) state.cities.set(city.id, city);
  for (const last of view.values) {
    if (!state.values.has(last.city)) state.values.set(last.city, new Map());
    state.values.get(last.city).set(last.indicator, last);
  }
  state.deliveries = view.deliveries;
  askParameters();
  tell({ fresh: fresh || another, another, values: view.values });
}

function tell(change) {
  for (const listener of [...listeners]) listener(change);
}

function forget(run) {
  state.run = run;
  told = "";
  for (const held of [state.cities, state.values, state.parameters]) held.clear();
}

/** Where the parameters of the models come from, as the stations say. */
async function askParameters() {
  const shape = [state.run, ...[...state.cities.values()].map((city) => `${city.id} ${city.stations[1]}`)].join();
  if (shape === told || !state.run) return;
  told = shape;
  try {
    const { stations } = await ask(`runs/${encodeURIComponent(state.run)}/stations`, { unknown: "empty" });
    if (shape !== told) return;
    for (const station of stations) {
      for (const [indicator, origin] of Object.entries(station.origins)) {
        const key = `${station.city}/${indicator}`;
        if (!state.parameters.has(key)) state.parameters.set(key, new Set());
        state.parameters.get(key).add(origin);
      }
    }
    tell({ fresh: false, values: [] });
  } catch {
    told = ""; // asked again with the next event
  }
}

// ---- what is known, as the views ask for it ---------------------------------------------------------------------

const order = (indicator) => [...state.catalogue.keys()].indexOf(indicator) + 1 || 1000;
export const byOrder = (indicators) => [...indicators].sort((a, b) => order(a) - order(b));
/** The length of buckets to ask for: results of an experiment are kept in longer ones. */
export const readable = (seconds) => (state.bucket ? Math.ceil(seconds / state.bucket) * state.bucket : seconds);

export const entryOf = (indicator) => state.catalogue.get(indicator);
export const nameOf = (indicator) => indicatorName(indicator, entryOf(indicator)?.name);
/** The unit beside a number: nothing where there is none. */
export const unitOf = (indicator) => unitName((entryOf(indicator)?.unit ?? "").replace(/^1$/, ""));
/** The unit of an axis or a heading, which says so where there is none. */
export const unitSaid = (indicator) => unitName(entryOf(indicator)?.unit ?? "");
/** Whether the scale of an indicator begins at 0. */
export const fromZero = (indicator) => entryOf(indicator)?.minimum === 0;
export const cityName = (id) => state.cities.get(id)?.profile?.name || id;
export const citiesHeard = () =>
  [...state.cities.keys()].sort((a, b) => cityName(a).localeCompare(cityName(b)) || a.localeCompare(b));
export const indicatorsHeard = () => byOrder(new Set([...state.values.values()].flatMap((held) => [...held.keys()])));
export const lastOf = (city, indicator) => state.values.get(city)?.get(indicator);
export const newest = () => state.runs.get(state.run)?.time ?? state.runs.get(state.run)?.last ?? null;
export const originOf = (run) => (state.runs.get(run) ? state.runs.get(run).origin || "unknown" : "");
