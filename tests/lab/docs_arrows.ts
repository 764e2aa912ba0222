/**
 * Segments as arrows, and flows of them as bands.
 *
 * @module
 */
import { CLASS, cross, path, round } from "./docs_svg.ts";
import type { TimelineEvent } from "./timeline.ts";

/** The two hosts' lines. */
export const [US_Y, PEER_Y] = [0, 104];
/** How far along time an arrow goes while it crosses. */
export const SLANT = 9;
/** Where a dropped one ends. */
const LOST = 0.56;

/** An event, where it begins, and how wide a flow is. */
export interface Placed {
  event: TimelineEvent;
  x: number;
  wide: number;
}

export function arrowOf({ from, kind, delivered }: TimelineEvent, x: number): string {
  const down = from === "us";
  const [start, end] = down ? [US_Y, PEER_Y] : [PEER_Y, US_Y];
  // An ICMP message comes from a router between the two.
  const first = kind === "icmp" ? (start + end) / 2 : start;
  const part = delivered ? 1 : LOST;
  const begin = kind === "icmp" ? x + SLANT * LOST : x;
  const [toX, toY] = [begin + (kind === "icmp" ? SLANT / 2 : SLANT * part), first + (end - first) * part];
  const shaft = `M${round(begin)} ${round(first)}L${round(toX)} ${round(toY)}`;
  const name = `arrow ${CLASS[kind]}`;
  if (!delivered) return path(name, shaft) + cross("drop", toX, toY, 4.5);
  const back = down ? -8 : 8;
  const head = `M${round(toX - 4.8)} ${round(toY + back)}L${round(toX)} ${round(toY)}L${round(toX + 3.2)} ${
    round(toY + back)
  }`;
  return path(name, shaft) + path(`${name} head`, head);
}

/** A slanted band as long as the flow; dropped, it ends half-way, with a cross at each end. */
export function bandOf({ from, kind, delivered }: TimelineEvent, x: number, wide: number): string {
  const [start, end] = from === "us" ? [US_Y, PEER_Y] : [PEER_Y, US_Y];
  const part = delivered ? 1 : LOST;
  const [toX, toY] = [x + SLANT * part, start + (end - start) * part];
  const corners = `M${round(x)} ${start}L${round(toX)} ${round(toY)}L${round(toX + wide)} ${round(toY)}L${
    round(x + wide)
  } ${start}Z`;
  const band = path(`band ${CLASS[kind]}`, corners);
  return delivered ? band : band + cross("drop", toX, toY, 4.5) + cross("drop", toX + wide, toY, 4.5);
}
