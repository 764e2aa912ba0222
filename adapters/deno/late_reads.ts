/**
 * The reads that stand while nobody reads, so that an end is noticed. A
 * native read of Deno cannot be called back, and one for each gap between two
 * reads of a loop would cost as much as the loop itself: they are posted late,
 * by one timer for all.
 *
 * @module
 */
import { refTimer, unrefTimer } from "./host.ts";

/** A connection that nobody reads. */
export interface LateReader {
  /** Whether it keeps the process alive. */
  readonly refed: boolean;
  /** Reads, if still nobody does. */
  readLate(): void;
}

/** Milliseconds. */
const DELAY = 500;

const readers = new Set<LateReader>();
/** How many of them keep the process alive: only a pending read would do it for them. */
let holders = 0;
let timer: ReturnType<typeof setTimeout> | undefined;

/** Has a connection read a little later. */
export function readLater(reader: LateReader): void {
  readers.add(reader);
  if (reader.refed) holders++;
  settle();
}

/** To be called when a connection that waits here is closed. */
export function readNoMore(reader: LateReader): void {
  if (!readers.delete(reader)) return;
  if (reader.refed) holders--;
  settle();
}

/** To be called when `refed` has changed. */
export function refChanged(reader: LateReader): void {
  if (!readers.has(reader)) return;
  holders += reader.refed ? 1 : -1;
  settle();
}

function settle(): void {
  if (readers.size === 0) {
    clearTimeout(timer);
    timer = undefined;
    return;
  }
  timer ??= setTimeout(readAll, DELAY);
  if (holders > 0) refTimer(timer);
  else unrefTimer(timer);
}

function readAll(): void {
  timer = undefined;
  holders = 0;
  const due = [...readers];
  readers.clear();
  for (const reader of due) reader.readLate();
}
