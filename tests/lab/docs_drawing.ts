/**
 * A timeline as a picture: our host's line above, the peer's below, a segment
 * an arrow from one to the other that stops at a cross where it was dropped.
 * Pure: the same timeline gives the same SVG.
 *
 * @module
 */
import { arrowOf, bandOf, PEER_Y, type Placed, SLANT, US_Y } from "./docs_arrows.ts";
import { flags, type Label, pack, widthOf } from "./docs_labels.ts";
import { CLASS, cross, escaped, line, path, rect, round, STYLE, text } from "./docs_svg.ts";
import { joined, type Kind, type Timeline } from "./timeline.ts";

const WIDTH = 830;
const [LEFT, RIGHT] = [62, 812];
const LANE = 20;
const ZERO = "last segment received";
/** A flow wider than this is a band, not an arrow. */
const FLOW = 4;
/** Kinds by how much their name matters where not all fit. */
const NAMED: Kind[] = ["rst", "icmp", "probe", "window probe", "retransmit", "fin", "syn", "data"];

/** Time to place. */
interface Scale {
  from: number;
  to: number;
  x: (at: number) => number;
  /** Milliseconds of a unit of the picture. */
  unit: number;
}

/** The whole file. */
export function drawing(timeline: Timeline): string {
  const scale = scaleOf(timeline);
  const events = joined(timeline.events, 5 * scale.unit).filter(({ at }) =>
    at >= scale.from && at <= scale.to
  );
  const marks = flags(marksOf(timeline, scale), LEFT, RIGHT);
  const lanes = Math.max(1, ...marks.map(({ lane }) => lane + 1));
  const top = 92 + lanes * LANE;
  // Of a flow the data is shown; its answers would hide it.
  const placed = placeAll(events, scale).filter(({ event, wide }) => event.kind !== "ack" || wide <= FLOW);
  const body = [
    ...cutsOf(timeline, scale).map(([from, to]) => rect("cut", from, US_Y, to - from, PEER_Y - US_Y)),
    ...linesOf(timeline, scale),
    ...placed.map(({ event, x, wide }) => wide > FLOW ? bandOf(event, x, wide) : arrowOf(event, x)),
    ...marks.map(({ x, lane, kind }) =>
      line(`mark ${kind}`, x, US_Y - 26 - lane * LANE - 20, x, PEER_Y + 34)
    ),
    ...marks.map((mark) =>
      text(`label ${mark.kind}`, mark.left + 3, US_Y - 32 - mark.lane * LANE, mark.text)
    ),
    ...namesOf(placed),
    ...axisOf(scale),
    ...bracketsOf(timeline, scale),
  ];
  const legend = legendOf(placed, PEER_Y + (timeline.predicted === undefined ? 88 : 132));
  const height = top + legend.bottom;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" ` +
    `height="${height}" role="img" aria-labelledby="title desc">`,
    `<title id="title">${escaped(heading(timeline))}</title>`,
    `<desc id="desc">${escaped(described(timeline))}</desc>`,
    `<style>${STYLE}</style>`,
    `<rect class="ground" x="0.5" y="0.5" width="${WIDTH - 1}" height="${height - 1}" rx="8"/>`,
    text("heading", 16, 28, heading(timeline)),
    text("muted", 16, 50, [timeline.runtime, timeline.options].filter(Boolean).join(": ")),
    `<g transform="translate(0 ${top})">`,
    ...body,
    ...legend.parts,
    "</g>",
    "</svg>",
    "",
  ].join("\n");
}

function heading({ scenario, title }: Timeline): string {
  return `${scenario}. ${title}`;
}

/** What the picture shows, in words. */
function described({ events, marks, predicted, code, runtime, zero = ZERO }: Timeline): string {
  const counts = new Map<string, number>();
  for (const { at, kind, delivered, segments = 1 } of events) {
    if (at <= 0 || delivered) continue;
    counts.set(kind, (counts.get(kind) ?? 0) + segments);
  }
  const dropped = [...counts].map(([kind, count]) => `${count} x ${kind}`).join(", ");
  return [
    `${runtime}.`,
    `Time 0 is: ${zero}.`,
    dropped === "" ? "No segment was dropped after it." : `Dropped after it: ${dropped}.`,
    marks.suspect === undefined ? "" : `Suspected after ${seconds(marks.suspect)}.`,
    marks.dead === undefined
      ? "The connection lives at the end."
      : `Told dead after ${seconds(marks.dead)}${code ? ` with ${code}` : ""}.`,
    predicted === undefined ? "" : `Predicted: ${seconds(predicted)}.`,
  ].filter(Boolean).join(" ");
}

/** All that happened since shortly before the clock's start. */
function scaleOf({ events, marks, predicted, cut }: Timeline): Scale {
  const cuts = typeof cut === "number" ? [cut] : (cut ?? []).flatMap(({ at, until }) => [at, until ?? at]);
  const last = Math.max(
    ...[marks.dead, marks.suspect, predicted].map((one) => one ?? 0),
    ...cuts,
    ...events.map(({ at, until }) => until ?? at),
    1,
  );
  const first = Math.min(0, ...cuts, ...events.map(({ at }) => at));
  const from = Math.max(first, -0.12 * last) - 0.02 * last;
  const to = last * 1.03;
  const unit = (to - from) / (RIGHT - LEFT);
  return { from, to, unit, x: (at) => round(LEFT + (at - from) / unit) };
}

/** Where each event begins: an answer where the question arrived, though the wire takes no time. */
function placeAll(events: Timeline["events"], scale: Scale): Placed[] {
  const arrived = { us: -Infinity, peer: -Infinity };
  return events.map((event) => {
    const exact = scale.x(event.at);
    const x = exact < arrived[event.from] && arrived[event.from] - exact <= 3 * SLANT
      ? arrived[event.from]
      : exact;
    if (event.delivered && event.kind !== "icmp") arrived[event.from === "us" ? "peer" : "us"] = x + SLANT;
    return { event, x, wide: event.until === undefined ? 0 : scale.x(event.until) - exact };
  });
}

function cutsOf({ cut }: Timeline, scale: Scale): [number, number][] {
  const list = typeof cut === "number" ? [{ at: cut }] : cut ?? [];
  return list.map(({ at, until }: { at: number; until?: number }) => [
    Math.max(LEFT, scale.x(at)),
    scale.x(Math.min(until ?? Infinity, scale.to)),
  ]);
}

function marksOf({ cut, marks, code, zero = ZERO }: Timeline, scale: Scale): Label[] {
  const label = (kind: string, at: number | undefined, words: string): Label[] =>
    at === undefined || at < scale.from ? [] : [{ kind, x: scale.x(at), text: words }];
  const cuts = typeof cut === "number" ? [{ at: cut, what: "path cut" }] : cut ?? [];
  return [
    ...label("t0", 0, `0: ${zero}`),
    ...cuts.flatMap(({ at, what }) => label("cutting", at, what ?? "cut")),
    ...label("suspect", marks.suspect, `suspect ${seconds(marks.suspect ?? 0)}`),
    ...label("dead", marks.dead, `told ${seconds(marks.dead ?? 0)}${code ? `: ${code}` : ""}`),
  ];
}

/** The two hosts; ours ends at its death. */
function linesOf({ marks }: Timeline, scale: Scale): string[] {
  const end = marks.dead === undefined ? RIGHT : scale.x(marks.dead);
  return [
    text("host", 16, US_Y + 5, "us"),
    text("host", 16, PEER_Y + 5, "peer"),
    line("life", LEFT, US_Y, end, US_Y),
    line("life", LEFT, PEER_Y, RIGHT, PEER_Y),
    ...(marks.dead === undefined ? [] : [cross("end", end, US_Y, 6)]),
  ];
}

/** Names beside the arrows' tails, numbered where there are several, as far as they fit. */
function namesOf(placed: Placed[]): string[] {
  const named = placed.filter(({ event }) => NAMED.includes(event.kind));
  const alike = (one: Placed) => (other: Placed) =>
    other.event.kind === one.event.kind && other.event.from === one.event.from && other.wide <= FLOW;
  const names = named.map((one) => {
    const { event, x, wide } = one;
    const word = wordOf(event.kind);
    const same = named.filter(alike(one));
    const number = same.indexOf(one) + 1;
    const many = wide <= FLOW && same.length > 1;
    return {
      kind: event.kind,
      x: x + wide / 2,
      y: event.from === "us" ? US_Y - 8 : PEER_Y + 20,
      text: wide > FLOW ? `${word} ${size(event.bytes)}` : many ? `${word} ${number}` : word,
      short: many ? String(number) : word,
      weight: wide > FLOW ? -1 : NAMED.indexOf(event.kind),
    };
  });
  const byWeight = names.sort((a, b) => a.weight - b.weight || a.x - b.x);
  return pack(byWeight, LEFT - 30, RIGHT + 8).map(({ kind, left, y, text: words }) =>
    text(`name ${CLASS[kind as Kind]}`, left, y, words)
  );
}

function wordOf(kind: Kind): string {
  return kind === "icmp" || kind === "rst" || kind === "syn" || kind === "fin" ? kind.toUpperCase() : kind;
}

function axisOf(scale: Scale): string[] {
  const steps = [50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 60_000, 120_000, 300_000];
  const step = steps.find((one) => (scale.to - scale.from) / one <= 11) ?? 600_000;
  const parts = [line("axis", LEFT, PEER_Y + 34, RIGHT, PEER_Y + 34)];
  for (let at = Math.ceil(scale.from / step) * step; at <= scale.to; at += step) {
    const words = at === 0 ? "0" : `${Number((at / 1000).toFixed(2))} s`;
    parts.push(line("axis", scale.x(at), PEER_Y + 34, scale.x(at), PEER_Y + 40));
    if (scale.x(at) + widthOf(words) / 2 <= WIDTH - 4) {
      parts.push(text("tick", scale.x(at), PEER_Y + 56, words));
    }
  }
  return parts;
}

/** What was said beforehand, and what came: two spans, one under the other. */
function bracketsOf({ predicted, marks }: Timeline, scale: Scale): string[] {
  const bracket = (kind: string, to: number, y: number, words: string) => {
    const [from, end, wide] = [scale.x(0), scale.x(to), widthOf(words)];
    const inside = end - from >= wide + 40;
    const beside = end + 8 + wide <= RIGHT ? end + 8 : from - 8 - wide;
    const left = inside ? (from + end - wide) / 2 : beside;
    const bar = inside
      ? `M${from} ${y}H${round(left - 6)}M${round(left + wide + 2)} ${y}H${end}`
      : `M${from} ${y}H${end}`;
    return [
      path(`bracket ${kind}`, `M${from} ${y - 6}V${y + 6}${bar}M${end} ${y - 6}V${y + 6}`),
      text(`label ${kind}`, left, y + 5, words),
    ];
  };
  return [
    ...(predicted === undefined
      ? []
      : bracket("predicted", predicted, PEER_Y + 76, `predicted ${seconds(predicted)}`)),
    ...(marks.dead === undefined || predicted === undefined
      ? []
      : bracket("dead", marks.dead, PEER_Y + 98, `measured ${seconds(marks.dead)}`)),
  ];
}

/** The kinds that occur, in words. */
function legendOf(placed: Placed[], y: number): { parts: string[]; bottom: number } {
  const kinds = [...new Set(placed.map(({ event }) => event.kind))];
  const entries: { word: string; sample: (x: number, y: number) => string[] }[] = kinds.map((kind) => ({
    word: wordOf(kind),
    sample: (x, y) => [line(`arrow ${CLASS[kind]}`, x, y, x + 22, y)],
  }));
  if (placed.some(({ event }) => !event.delivered)) {
    entries.push({ word: "dropped", sample: (x, y) => [cross("drop", x + 11, y, 5)] });
  }
  const parts: string[] = [];
  let [x, row] = [16, y];
  for (const { word, sample } of entries) {
    if (x + 28 + widthOf(word) > WIDTH - 16) [x, row] = [16, row + 22];
    parts.push(...sample(x, row - 5), text("legend", x + 28, row, word));
    x = round(x + 28 + widthOf(word) + 18);
  }
  return { parts, bottom: row + 16 };
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(milliseconds < 100_000 ? 2 : 0)} s`;
}

function size(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  return bytes < 1e6 ? `${Math.round(bytes / 1000)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
