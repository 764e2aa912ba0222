/**
 * The watcher of connections that no read can tell of: read-ahead full, or
 * the peer's FIN read. One timer for all, only while there are such, and it
 * does not keep the process alive.
 *
 * @module
 */
import { POLL_DEAD } from "./descriptor.ts";
import type { Libc } from "./libc.ts";

/** A socket that is watched. */
export interface Watched {
  readonly fd: number;
  /** Called once when the socket shows an error or hang-up; it is not watched any more then. */
  dead(): void;
}

/** Milliseconds between two looks. */
const PERIOD = 500;

/** `poll(2)` refuses more entries than the process may have files open; 1,000 is below the usual limit of 1,024. */
const CHUNK = 1_000;

/** Bytes of a `struct pollfd`: an int, and two shorts. */
const ENTRY = 8;

/** Watches sockets for death by `poll(2)` with no events asked, which consumes nothing. */
export class Watcher {
  readonly #libc: Libc;
  readonly #unrefTimer: (timer: unknown) => void;
  readonly #entries: Watched[] = [];
  readonly #places = new Map<Watched, number>();
  #fds = new Uint8Array(64 * ENTRY);
  #chunk = CHUNK;
  #timer: number | undefined;

  /** @param unrefTimer Lets the process end while a timer is running. */
  constructor(libc: Libc, unrefTimer: (timer: unknown) => void) {
    this.#libc = libc;
    this.#unrefTimer = unrefTimer;
  }

  /** Starts to watch a socket; nothing happens if it is watched already. */
  watch(entry: Watched): void {
    if (this.#places.has(entry)) return;
    this.#place(entry, this.#entries.length);
    if (this.#timer !== undefined) return;
    const timer = setInterval(() => this.look(), PERIOD);
    this.#timer = timer as unknown as number; // an object on Node: only handed back to clearInterval
    this.#unrefTimer(timer);
  }

  /** Ceases to watch a socket; to be called before its file descriptor is closed. */
  unwatch(entry: Watched): void {
    const place = this.#places.get(entry);
    if (place === undefined) return;
    this.#places.delete(entry);
    const last = this.#entries.pop()!; // there is one, or it would have no place
    if (last !== entry) this.#place(last, place);
    if (this.#entries.length > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Looks at all sockets now. */
  look(): void {
    const dead: Watched[] = [];
    for (let start = 0; start < this.#entries.length;) {
      const count = Math.min(this.#chunk, this.#entries.length - start);
      const fds = this.#fds.subarray(start * ENTRY, (start + count) * ENTRY);
      const found = this.#libc.poll(fds, count);
      if (found < 0 && count > 1) {
        this.#chunk = count >> 1;
        continue;
      }
      if (found > 0) this.#collect(start, count, dead);
      start += count;
    }
    // Only now: a callback may watch and unwatch.
    for (const entry of dead) {
      if (!this.#places.has(entry)) continue;
      this.unwatch(entry);
      entry.dead();
    }
  }

  #collect(start: number, count: number, dead: Watched[]): void {
    const shorts = new Int16Array(this.#fds.buffer);
    for (let place = start; place < start + count; place++) {
      if (shorts[place * 4 + 3] & POLL_DEAD) dead.push(this.#entries[place]);
    }
  }

  #place(entry: Watched, place: number): void {
    this.#entries[place] = entry;
    this.#places.set(entry, place);
    if (this.#fds.length < (place + 1) * ENTRY) {
      const larger = new Uint8Array(this.#fds.length * 2);
      larger.set(this.#fds);
      this.#fds = larger;
    }
    const words = new Int32Array(this.#fds.buffer);
    words[place * 2] = entry.fd;
    words[place * 2 + 1] = 0;
  }
}
