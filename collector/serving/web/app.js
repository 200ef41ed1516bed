// The frame of the page: which view is shown, the run, the connection, language, theme, and what can be saved.

import { obstacle, watchCollecting } from "./collecting.js";
import { byId, element, notice, put } from "./dom.js";
import { saveCsv, savePng, tablePicture } from "./export.js";
import { clock } from "./format.js";
import { asked, language, speak, t } from "./i18n.js";
import { hrefOf, remember, route } from "./route.js";
import { begin, choose, connection, follow, newest, originOf, state } from "./store.js";

const VIEWS = ["overview", "map", "city", "compare", "scenario", "health"];
const OF_RUNS = ["compare", "scenario", "health"]; // need the list of all runs
let shown = null; // the view that is open, as it describes itself
let turn = 0;
let waiting = false; // for the collector, to load a view
let unloaded = 0; // how often that failed

async function show() {
  const { view, params } = route();
  const name = VIEWS.includes(view) ? view : "overview";
  const mine = ++turn;
  shown?.close?.();
  shown = null;
  showWords(name);
  const place = byId("view");
  place.replaceChildren(notice("loading", t("state.loading")));
  if (!state.catalogue.size) return showFailure();
  const code = await loaded(name);
  if (mine !== turn) return;
  waiting = !code;
  if (waiting) return place.replaceChildren(notice("failed", t("state.unreachable", { error: t("connection.lost") })));
  try {
    place.replaceChildren();
    shown = code.open(place, params);
  } catch (error) {
    place.replaceChildren(notice("failed", t("state.failed", { error: error.message })));
    console.error(error);
  }
}

/** The code of a view, null where the collector does not answer: a browser keeps that failure, so the next try has another address. */
async function loaded(name) {
  try {
    return await import(`./views/${name}.js${unloaded ? `?again=${unloaded}` : ""}`);
  } catch {
    unloaded += 1;
    return null;
  }
}

function showFailure() {
  if (state.failed) byId("view").replaceChildren(notice("failed", t("state.unreachable", { error: state.failed })));
}

function showWords(name) {
  const root = document.documentElement;
  root.lang = language();
  for (const node of document.querySelectorAll("[data-words]")) put(node, t(`frame.${node.dataset.words}`));
  put(byId("view-title"), t(`view.${name}`));
  document.title = t("frame.title", { view: t(`view.${name}.title`) });
  byId("views").setAttribute("aria-label", t("frame.views"));
  byId("views").replaceChildren(...VIEWS.map((view) => element("a", {
    href: hrefOf(view), text: t(`view.${view}`), "aria-current": view === name ? "page" : undefined,
  })));
  const other = language() === "th" ? "en" : "th";
  Object.assign(byId("language"), { textContent: { th: "ไทย", en: "English" }[other], lang: other });
  put(byId("theme"), t(isDark() ? "frame.light" : "frame.dark"));
}

function showConnection() {
  const live = connection() === "live";
  const kind = live && obstacle() !== null ? "deaf" : live && !state.collecting ? "still" : connection();
  const old = ["lost", "deaf"].includes(kind);
  byId("connection").className = `connection ${old ? "lost" : kind}`;
  put(byId("connection-text"), t(`connection.${kind}`));
  const banner = byId("lost");
  banner.hidden = !old;
  document.body.classList.toggle("stale", old);
  document.body.classList.toggle("still", !state.collecting); // nothing arrives: no rates, nobody on or off line
  if (old) put(banner, kind === "lost" ? t("connection.since", { time: clock(state.heard / 1000) }) : [t("connection.deaf_because"), obstacle()].filter(Boolean).join(" · "));
  const { view } = route();
  const missing = [
    VIEWS.includes(view) ? "" : t("frame.no_view", { view: view.slice(0, 60) }), state.missing ? t("frame.missing", { run: state.missing }) : "",
  ].filter(Boolean).join(" ");
  byId("missing").hidden = !missing;
  put(byId("missing"), missing);
}

function showRuns() {
  const picker = byId("run");
  const names = [...state.runs.keys()].reverse();
  if (picker.dataset.names !== names.join()) {
    picker.dataset.names = names.join();
    const options = names.map((name) => element("option", { value: name, text: name }));
    picker.replaceChildren(element("option", { value: "" }), ...options);
  }
  put(picker.options[0], state.run && !state.wanted ? t("frame.newest_is", { run: state.run }) : t("frame.newest_run"));
  picker.value = state.wanted;
  const origin = originOf(state.run);
  byId("origin").className = `badge ${["simulated", "measured"].includes(origin) ? origin : "unknown"}`;
  put(byId("origin"), !origin ? t("frame.no_run") : origin === "unknown" ? t("frame.origin_unknown") : t(`origin.${origin}`));
  byId("origin").title = ["simulated", "measured"].includes(origin) ? t(`origin.${origin}.means`) : "";
  put(byId("time"), clock(newest()));
  byId("leave").hidden = !state.login;
}

function heard(change) {
  showConnection();
  showRuns();
  if (waiting) {
    waiting = false;
    return show();
  }
  if (change.another && shown?.runBound) return show();
  shown?.update?.(change);
}

// ---- what can be done with a view -------------------------------------------------------------------------------

function say(text) {
  put(byId("said"), text);
  setTimeout(() => put(byId("said"), ""), 4000);
}

async function share() {
  remember({ run: state.wanted || state.run, ...shown?.address?.() }); // also what nobody chose: it may be another tomorrow
  try {
    await navigator.clipboard.writeText(location.href);
    say(t("frame.copied"));
  } catch {
    say(t("frame.in_address"));
  }
}

const fileName = () => ["nakhon", route().view, shown?.name?.() || state.run].filter(Boolean).join("-");

async function png() {
  try {
    const told = shown?.table?.();
    const canvas = (await shown?.picture?.()) ?? (told && tablePicture({
      title: `${t(`view.${route().view}`)} · ${state.run ?? ""}`, notes: [originSaid()], head: told.head, rows: told.rows,
    }));
    if (canvas) await savePng(fileName(), canvas);
    else say(t("state.nothing"));
  } catch (error) {
    say(error.message);
  }
}

function csv() {
  const told = shown?.table?.();
  if (told?.rows.length) saveCsv(fileName(), told);
  else say(t("state.nothing"));
}

function originSaid() {
  const origin = originOf(state.run);
  return origin ? `${state.run}: ${t(`origin.${origin}`)}` : "";
}

// ---- language and theme -----------------------------------------------------------------------------------------

const isDark = () => (document.documentElement.dataset.theme
  ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";

function turnLanguage() {
  const other = language() === "th" ? "en" : "th";
  speak(other);
  if (route().params.has("lang")) remember({ lang: other });
  showRuns();
  showConnection();
  show();
}

function turnTheme() {
  const other = isDark() ? "light" : "dark";
  document.documentElement.dataset.theme = other;
  localStorage.setItem("nakhon.theme", other);
  if (route().params.has("theme")) remember({ theme: other });
  show();
}

function moved() {
  if (location.hash === "#content") return;
  const { params } = route();
  if (asked()) speak(asked(), false);
  if (["dark", "light"].includes(params.get("theme"))) document.documentElement.dataset.theme = params.get("theme");
  const wanted = params.get("run") ?? "";
  if (wanted !== state.wanted) choose(wanted);
  show();
  if (document.activeElement?.closest?.("#views")) byId("content").focus({ preventScroll: true });
}

byId("skip").addEventListener("click", (event) => { event.preventDefault(); byId("content").focus(); });
byId("run").addEventListener("change", (event) => {
  remember({ run: event.target.value });
  choose(event.target.value);
  showWords(VIEWS.includes(route().view) ? route().view : "overview");
});
byId("share").addEventListener("click", share);
byId("save-csv").addEventListener("click", csv);
byId("save-png").addEventListener("click", png);
byId("language").addEventListener("click", turnLanguage);
byId("theme").addEventListener("click", turnTheme);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", show);
window.addEventListener("hashchange", moved);
watchCollecting();
setInterval(showConnection, 1000);
follow(heard);
state.wanted = route().params.get("run") ?? "";
showWords("overview");
showRuns();
showConnection();
show();
begin(() => (state.failed ? showFailure() : show()), () => OF_RUNS.includes(route().view));
