// Charts by Plotly; every chart has its values as a table for those who cannot see it.

import { byId, element, notice, table } from "./dom.js";
import { pictureOf } from "./export.js";
import { language, t } from "./i18n.js";

// Okabe and Ito (2008), Color Universal Design; dashes tell apart what is beyond the colours.
const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b87f00", "#3a97c9", "#7f6bb3", "#8c564b"];
const LIGHTER = ["#56b4e9", "#ff9a4d", "#2fc79b", "#e59ac4", "#f0c04a", "#9fd3ff", "#b3a5ff", "#d3a08f"]; // on dark paper
const DASHES = ["solid", "dash", "dot", "dashdot", "longdash"];
const MOST_ROWS = 500;
const BUDDHIST = 543;
const PAUSE = 1000; // milliseconds between two drawings of the same lines: live values come faster

let loading = null;

/** Plotly, from the collector itself; `theme.js` has asked for it where the page began with a view that has charts. */
function plotly() {
  loading ??= new Promise((loaded, failed) => {
    if (window.Plotly) return loaded(window.Plotly);
    const script = byId("plotly") ?? element("script", { id: "plotly", src: "/plotly.js" });
    script.onload = () => loaded(window.Plotly);
    script.onerror = () => { loading = null; script.remove(); failed(new Error(t("chart.unloaded"))); };
    if (!script.isConnected) document.head.append(script);
  });
  return loading;
}

/** Text for Plotly, which takes some HTML. */
export const plain = (text) =>
  String(text).replace(/[&<>]/g, (sign) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[sign]);

/** The colour of the nth of several. */
export function colour(place) {
  const colours = tone("paper") === "#0f171b" ? LIGHTER : COLOURS;
  return colours[place % colours.length];
}

/** The line of the nth of several. */
export const line = (place) => ({ color: colour(place), width: 2, dash: DASHES[Math.floor(place / COLOURS.length) % DASHES.length] });

/** The colour with an opacity from 0 to 1. */
export function faded(full, opacity) {
  const [r, g, b] = [1, 3, 5].map((at) => Number.parseInt(full.slice(at, at + 2), 16));
  return `rgba(${r},${g},${b},${opacity})`;
}

export const tone = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

/** A place for a chart: `draw` shows it, `node` is what goes into the page. */
export class Chart {
  constructor(id, label) {
    this.plot = element("div", { id, class: "plot", role: "img", "aria-label": label });
    this.waiting = notice("loading", t("state.loading"));
    this.values = element("details", { class: "values" }, element("summary", { text: t("chart.table") }));
    this.values.addEventListener("toggle", () => this.#fill());
    this.note = element("p", { class: "note" });
    this.node = element("figure", { class: "chart" }, this.waiting, this.plot, this.note, this.values);
    this.told = null;
    this.turn = this.drawn = 0;
  }

  /** Show lines: `told` has the traces, `y` and `x` (titles with units), a key that resets the zoom, title, notes, and whether 0 is shown. */
  async draw(told) {
    const again = this.told?.key === told.key && Date.now() - this.drawn < PAUSE;
    this.told = told;
    const turn = ++this.turn;
    if (again) {
      await new Promise((done) => setTimeout(done, PAUSE - (Date.now() - this.drawn)));
      if (turn !== this.turn) return;
    }
    const drawing = await plotly().catch((error) => { this.say("failed", error.message); return null; });
    if (!drawing || turn !== this.turn || !this.plot.isConnected) return;
    this.drawn = Date.now();
    const empty = !told.traces.some((trace) => trace.y?.length || trace.z?.length);
    this.say(empty ? "empty" : "", told.empty ?? t("state.nothing"));
    this.plot.hidden = empty;
    this.plot.setAttribute("aria-label", `${told.title}. ${t("chart.alternative")}`);
    this.note.textContent = (told.notes ?? []).join(" ");
    if (empty) return;
    this.plot.style.height = told.height ? `${told.height}px` : "";
    await drawing.react(this.plot, told.traces, layoutOf(told), OPTIONS);
    if (told.calendar !== false) this.#eras();
    if (this.values.open) this.#fill();
  }

  say(kind, text) {
    this.waiting.hidden = !kind;
    this.waiting.className = `notice ${kind}`;
    this.waiting.textContent = text;
  }

  /** The chart as a picture that says what it shows and where its values come from. */
  async picture() {
    const drawing = await plotly();
    if (!this.told || this.plot.hidden) return null;
    const [width, height] = [1200, Math.max(560, this.told.height ?? 0)];
    const source = await drawing.toImage(this.plot, { format: "png", width, height, scale: 2 });
    return pictureOf({ title: this.told.title, notes: this.told.notes ?? [], source, width, height });
  }

  /** Plotly counts years after Christ; in Thai the marks of the axis are those of the Buddhist era. */
  #eras() {
    if (language() !== "th" || this.plot.listening) return;
    this.plot.listening = true;
    this.plot.on("plotly_relayout", (change) => {
      if (Object.keys(change).some((key) => key.startsWith("xaxis.range") || key === "xaxis.autorange")) {
        const { traces } = this.told;
        window.Plotly.relayout(this.plot, { ...marks(traces, this.plot.layout.xaxis.range) });
      }
    });
  }

  #fill() {
    this.values.querySelector(".scroll, p")?.remove();
    if (!this.values.open || !this.told?.rows) return;
    const { head, rows } = this.told.rows();
    if (rows.length > MOST_ROWS) {
      this.values.append(element("p", { class: "note", text: t("chart.newest", { n: MOST_ROWS, all: rows.length }) }));
    }
    this.values.append(table(this.told.title, head, rows.slice(-MOST_ROWS)));
  }
}

const OPTIONS = { responsive: true, displaylogo: false, displayModeBar: false };

function layoutOf({ key, y, x = "", zero = true, traces, layout = {} }) {
  const ink = tone("ink"), grid = tone("line");
  const axis = { gridcolor: grid, linecolor: grid, zeroline: false, automargin: true };
  const eras = language() === "th" && layout.xaxis?.type === undefined ? marks(traces, null, "") : {};
  return {
    uirevision: key, margin: { l: 60, r: 15, t: 12, b: 45 }, hovermode: "x unified",
    paper_bgcolor: "transparent", plot_bgcolor: "transparent",
    font: { color: ink, family: 'system-ui, "Noto Sans", "Noto Sans Thai", sans-serif', size: 13 },
    hoverlabel: { bgcolor: tone("card"), font: { color: ink } },
    showlegend: true, legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0 },
    ...layout,
    xaxis: { ...axis, type: "date", title: { text: plain(x), font: { size: 13 } }, ...eras, ...layout.xaxis },
    yaxis: { ...axis, title: { text: plain(y), font: { size: 13 } }, rangemode: zero ? "tozero" : "normal", ...layout.yaxis },
  };
}

/** The marks of a time axis in Thai, for the range shown. */
function marks(traces, range, prefix = "xaxis.") {
  const times = traces.flatMap((trace) => [trace.x?.[0], trace.x?.at(-1)]).filter(Boolean).map(stamp);
  const [from, to] = range ? range.map(stamp) : [Math.min(...times), Math.max(...times)];
  if (!(to > from)) return {};
  const steps = [1, 3, 6, 12, 24, 48, 168, 336, 744, 2208, 4416, 8784].map((hours) => hours * 3600e3);
  const most = innerWidth > 600 ? 8 : 4;
  const step = steps.find((one) => (to - from) / one <= most) ?? (to - from) / most;
  const [values, texts] = [[], []];
  for (let at = Math.ceil(from / step) * step; at <= to; at += step) {
    const date = new Date(at);
    values.push(date.toISOString().slice(0, 19));
    const form = step >= 24 * 3600e3 ? { day: "numeric", month: "short" } : { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hour12: false };
    texts.push(`${date.toLocaleString("th-TH", { ...form, timeZone: "UTC" })}<br>${date.getUTCFullYear() + BUDDHIST}`);
  }
  return { [`${prefix}tickmode`]: "array", [`${prefix}tickvals`]: values, [`${prefix}ticktext`]: texts };
}

const stamp = (text) => Date.parse(/[zZ]$/.test(text) ? text : `${String(text).replace(" ", "T").slice(0, 19)}Z`);
