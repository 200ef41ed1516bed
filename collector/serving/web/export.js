// What leaves the page: CSV (RFC 4180) and PNG, each with what it shows, its units and where its values come from.

import { t } from "./i18n.js";

const MARK = "\ufeff"; // lets Excel read Thai
const KEYS = 3; // of a legend in a row
const FONT = '"Noto Sans", "Noto Sans Thai", system-ui, sans-serif';

/** Save rows of cells as CSV. A cell that a spreadsheet would take for a formula is put as text. */
export function saveCsv(name, { head, rows }) {
  const lines = [head, ...rows].map((cells) => cells.map(quoted).join(","));
  save(`${name}.csv`, new Blob([MARK, lines.map((line) => `${line}\r\n`).join("")], { type: "text/csv;charset=utf-8" }));
}

function quoted(cell) {
  const text = cell === null || cell === undefined ? "" : String(cell);
  const safe = typeof cell !== "number" && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

export async function savePng(name, canvas) {
  save(`${name}.png`, await new Promise((made) => canvas.toBlob(made, "image/png")));
}

function save(name, blob) {
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** A picture with a title above, a legend of [colour, text] and notes below, twice as fine as it is large. */
export async function pictureOf({ title, notes, legend = [], source, width, height }) {
  const image = await loaded(source);
  const below = foot(notes, width);
  const rows = Math.ceil(legend.length / KEYS);
  const { canvas, brush } = sheet(width, 50 + height + 22 * (below.length + rows) + 16);
  heading(brush, title, width);
  brush.drawImage(image, 0, 50, width, height);
  keys(brush, legend, width, 50 + height);
  footing(brush, below, 50 + height + 22 * rows);
  return canvas;
}

function keys(brush, legend, width, top) {
  const ink = brush.fillStyle;
  brush.font = `13px ${FONT}`;
  legend.forEach(([colour, text], place) => {
    const [left, middle] = [16 + (place % KEYS) * ((width - 32) / KEYS), top + 16 + 22 * Math.floor(place / KEYS)];
    brush.fillStyle = colour;
    brush.fillRect(left, middle - 6, 12, 12);
    brush.fillStyle = ink;
    brush.fillText(fitted(brush, text, (width - 32) / KEYS - 24), left + 18, middle + 4);
  });
}

/** A table as a picture: `head` and `rows` are texts. Rows beyond what a picture holds are said to be left out. */
export function tablePicture({ title, notes, head, rows }) {
  const most = 60;
  const shown = rows.slice(0, most).map((cells) => cells.map((cell) => String(cell ?? "–")));
  const said = rows.length > most ? [...notes, t("export.rows", { n: most, all: rows.length })] : notes;
  const ruler = document.createElement("canvas").getContext("2d");
  ruler.font = `14px ${FONT}`;
  const widths = head.map((text, place) =>
    Math.min(320, 24 + Math.max(...[text, ...shown.map((cells) => cells[place])].map((one) => ruler.measureText(one).width))));
  const width = Math.max(640, 32 + widths.reduce((sum, one) => sum + one, 0));
  const below = foot(said, width);
  const { canvas, brush } = sheet(width, 60 + 26 * (shown.length + 1) + 22 * below.length + 24);
  heading(brush, title, width);
  [head, ...shown].forEach((cells, row) => {
    let left = 16;
    cells.forEach((text, place) => {
      brush.font = `${row ? "" : "600 "}14px ${FONT}`;
      brush.fillText(fitted(brush, text, widths[place] - 12), left, 74 + 26 * row);
      left += widths[place];
    });
    brush.fillRect(16, 82 + 26 * row, width - 32, row ? 0.3 : 1);
  });
  footing(brush, below, 60 + 26 * (shown.length + 1));
  return canvas;
}

/** A drawing of the page as a picture. */
export async function drawingPicture({ drawing, ...told }) {
  const copy = drawing.cloneNode(true);
  const [own, copied] = [drawing, copy].map((one) => [one, ...one.querySelectorAll("*")]);
  own.forEach((node, place) => {
    const style = getComputedStyle(node);
    for (const name of ["fill", "stroke", "stroke-width", "font-size", "font-family", "opacity", "paint-order", "text-anchor", "font-weight", "visibility", "vector-effect"]) {
      copied[place].style.setProperty(name, style.getPropertyValue(name));
    }
  });
  copy.style.background = getComputedStyle(drawing).backgroundColor;
  copy.setAttribute("width", told.width);
  copy.setAttribute("height", told.height);
  const text = new XMLSerializer().serializeToString(copy);
  return pictureOf({ ...told, source: `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}` });
}

function sheet(width, height) {
  const canvas = Object.assign(document.createElement("canvas"), { width: width * 2, height: height * 2 });
  const brush = canvas.getContext("2d");
  brush.scale(2, 2);
  const style = getComputedStyle(document.documentElement);
  brush.fillStyle = style.getPropertyValue("--card").trim();
  brush.fillRect(0, 0, width, height);
  brush.fillStyle = style.getPropertyValue("--ink").trim();
  return { canvas, brush };
}

function heading(brush, title, width) {
  brush.font = `600 18px ${FONT}`;
  brush.fillText(fitted(brush, title, width - 32), 16, 34);
}

function footing(brush, lines, top) {
  brush.font = `13px ${FONT}`;
  lines.forEach((line, place) => brush.fillText(line, 16, top + 20 + 22 * place));
}

function foot(notes, width) {
  const most = Math.floor((width - 32) / 7);
  return [...notes, t("export.foot", { time: new Date().toISOString().slice(0, 16).replace("T", " ") })]
    .filter(Boolean).flatMap((note) => broken(note, most));
}

function broken(text, most) {
  const lines = [""];
  for (const word of text.split(" ")) {
    if (lines.at(-1).length + word.length > most && lines.at(-1)) lines.push("");
    lines[lines.length - 1] += `${lines.at(-1) ? " " : ""}${word}`;
  }
  return lines;
}

function fitted(brush, text, width) {
  let shown = text;
  while (shown.length > 1 && brush.measureText(shown).width > width) shown = `${shown.slice(0, -2)}…`;
  return shown;
}

const loaded = (source) => new Promise((done, failed) => {
  const image = new Image();
  image.onload = () => done(image);
  image.onerror = () => failed(new Error(t("export.failed")));
  image.src = source;
});
