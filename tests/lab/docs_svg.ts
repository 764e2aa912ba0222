/**
 * The few parts of SVG that the drawing uses, and its colours.
 *
 * @module
 */
import type { Kind } from "./timeline.ts";

/** The class of each kind of segment. */
export const CLASS: Record<Kind, string> = {
  syn: "syn",
  data: "data",
  ack: "ack",
  probe: "probe",
  "window probe": "windowprobe",
  retransmit: "retransmit",
  fin: "fin",
  rst: "rst",
  icmp: "icmp",
};

/** Light and dark. */
const COLOURS: Record<string, [string, string]> = {
  syn: ["#59636e", "#9198a1"],
  data: ["#0969da", "#58a6ff"],
  ack: ["#818b98", "#7d8590"],
  probe: ["#8250df", "#bc8cff"],
  windowprobe: ["#1b7c83", "#39c5cf"],
  retransmit: ["#bc4c00", "#f0883e"],
  fin: ["#59636e", "#9198a1"],
  rst: ["#cf222e", "#ff7b72"],
  icmp: ["#9a6700", "#d29922"],
  t0: ["#59636e", "#9198a1"],
  cutting: ["#59636e", "#9198a1"],
  suspect: ["#9a6700", "#d29922"],
  dead: ["#cf222e", "#ff7b72"],
  predicted: ["#1a7f37", "#3fb950"],
  drop: ["#cf222e", "#ff7b72"],
  end: ["#cf222e", "#ff7b72"],
  life: ["#1f2328", "#e6edf3"],
  axis: ["#818b98", "#7d8590"],
};

/** Of words: heading and hosts, quiet ones. */
const WORDS: Record<string, [string, string]> = {
  text: ["#1f2328", "#e6edf3"],
  ".muted,.tick,.legend": ["#59636e", "#9198a1"],
};

function colours(theme: 0 | 1): string {
  const ground = theme === 0 ? "#fff" : "#0d1117";
  return [
    `.ground{fill:${ground};stroke:${theme === 0 ? "#d1d9e0" : "#3d444d"}}`,
    `text{stroke:${ground}}`,
    `.cut{fill:${theme === 0 ? "#cf222e" : "#ff7b72"};fill-opacity:${theme === 0 ? 0.07 : 0.12}}`,
    ...Object.entries(WORDS).map(([selector, pair]) => `${selector}{fill:${pair[theme]}}`),
    ...Object.entries(COLOURS).map(([name, pair]) =>
      `path.${name}{stroke:${pair[theme]}}text.${name},.band.${name}{fill:${pair[theme]}}`
    ),
  ].join("");
}

/** Of the whole file: its own ground, so that words are readable on any page. */
export const STYLE = [
  'text{font:16px -apple-system,"Segoe UI","Noto Sans",Helvetica,Arial,sans-serif;paint-order:stroke;' +
  "stroke-width:4px;stroke-linejoin:round}",
  ".heading{font-weight:600;font-size:18px}.host{font-weight:600}.tick{text-anchor:middle}.tick,.legend{font-size:15px}",
  "path{fill:none;stroke-width:2}.life{stroke-width:3}.axis{stroke-width:1}.mark{stroke-dasharray:4 4;stroke-width:1.5}",
  ".cross{stroke-width:2.5}path.retransmit{stroke-dasharray:7 3}path.windowprobe{stroke-dasharray:3 3}" +
  "path.head{stroke-dasharray:none}path.ack{stroke-width:1.5}path.band{fill-opacity:.35;stroke-width:1}",
  colours(0),
  `@media (prefers-color-scheme:dark){${colours(1)}}`,
].join("");

export function line(kind: string, x1: number, y1: number, x2: number, y2: number): string {
  return path(kind, `M${round(x1)} ${round(y1)}L${round(x2)} ${round(y2)}`);
}

export function path(kind: string, d: string): string {
  return `<path class="${kind}" d="${d}"/>`;
}

export function cross(kind: string, x: number, y: number, half: number): string {
  const [left, right, above, below] = [x - half, x + half, y - half, y + half].map(round);
  return path(`cross ${kind}`, `M${left} ${above}L${right} ${below}M${left} ${below}L${right} ${above}`);
}

export function rect(kind: string, x: number, y: number, width: number, height: number): string {
  return `<rect class="${kind}" x="${round(x)}" y="${y}" width="${
    round(Math.max(width, 1))
  }" height="${height}"/>`;
}

export function text(kind: string, x: number, y: number, words: string): string {
  return `<text class="${kind}" x="${round(x)}" y="${round(y)}">${escaped(words)}</text>`;
}

export function escaped(words: string): string {
  return words.replace(/[&<>"]/g, (one) => `&#${one.charCodeAt(0)};`);
}

/** A tenth of a unit is enough, and keeps the files small. */
export function round(value: number): number {
  return Math.round(value * 10) / 10;
}
