/**
 * Finds the file descriptor of a socket by its addresses, on a runtime that
 * does not give it away.
 *
 * @module
 */
import { Descriptor, type Kernel } from "./descriptor.ts";
import type { Libc } from "./libc.ts";
import { endpointOf, isEndpoint, SOCKADDR_SIZE } from "./sockaddr.ts";

/** One end, as runtimes give it. */
export interface End {
  hostname: string;
  port: number;
}

/** Small enough for poll(2) under any usual limit of open files. */
const CHUNK = 256;

/** So many numbers without an open file behind them, and there are none above. */
const LARGEST_GAP = 65_536;

const POLLNVAL = 0x20;

const address = new Uint8Array(new ArrayBuffer(SOCKADDR_SIZE));
const entries = new Int16Array(new ArrayBuffer(CHUNK * 8));
const entryFds = new Int32Array(entries.buffer);
const entryBytes = new Uint8Array(entries.buffer);

/** The lowest free numbers that were seen last: sockets opened since have most likely got them. */
const likely: number[] = [];
const MOST_LIKELY = 8;

/** To be called before a socket is awaited: among many it is found at once then. */
export function anticipate(libc: Libc): void {
  const lowest = lowestFree(libc);
  if (likely.includes(lowest)) return;
  if (likely.push(lowest) > MOST_LIKELY) likely.shift();
}

/**
 * The connected socket with these two ends. Both together are unique among the
 * live sockets of a network namespace, so the first match is the only one, or
 * a duplicate of it. A socket that was reset has no peer any more and is not
 * found; what is found is then another one that has got the same ends.
 *
 * @param proves Tells whether a match is the socket that is meant; else the search goes on.
 */
export function findConnected(
  { libc, numbers, os }: Kernel,
  local: End,
  remote: End,
  proves: (descriptor: Descriptor) => boolean = () => true,
): Descriptor | undefined {
  const own = endpointOf(local.hostname, local.port);
  const peer = endpointOf(remote.hostname, remote.port);
  if (!own || !peer) return undefined;
  let found: Descriptor | undefined;
  search(libc, (fd) => {
    if (libc.getpeername(fd, address) < 0 || !isEndpoint(address, peer, os)) return false;
    if (libc.getsockname(fd, address) < 0 || !isEndpoint(address, own, os)) return false;
    found = new Descriptor({ libc, numbers, os }, fd);
    if (proves(found)) return true;
    found = undefined;
    return false;
  });
  return found;
}

/**
 * The listening socket with this address; `undefined` when there are several,
 * as with SO_REUSEPORT.
 *
 * @param isOther Tells of a match that it is known to be another one.
 */
export function findListening(
  { libc, numbers, os }: Kernel,
  local: End,
  isOther: (descriptor: Descriptor) => boolean,
): Descriptor | undefined {
  const own = endpointOf(local.hostname, local.port);
  if (!own) return undefined;
  const found: Descriptor[] = [];
  search(libc, (fd) => {
    if (libc.getsockname(fd, address) < 0 || !isEndpoint(address, own, os)) return false;
    const descriptor = new Descriptor({ libc, numbers, os }, fd);
    if (descriptor.get("SO_ACCEPTCONN") && !isOther(descriptor)) found.push(descriptor);
    return false;
  });
  return found.length === 1 ? found[0] : undefined;
}

/** Asks for open file descriptors until one is it: those first that a new socket is likely to have. */
export function search(libc: Libc, isIt: (fd: number) => boolean): void {
  const lowest = lowestFree(libc);
  const newest = lowest - 1;
  if (newest >= 0 && isIt(newest)) return;
  for (const fd of likely) if (fd !== newest && isIt(fd)) return;
  const isNext = (fd: number) => !likely.includes(fd) && isIt(fd);
  for (let fd = newest - 1; fd >= 0; fd--) if (isNext(fd)) return;
  for (let start = lowest + 1, gap = 0; gap < LARGEST_GAP; start += CHUNK) {
    if (!markOpen(libc, start)) {
      gap += CHUNK;
      continue;
    }
    gap = 0;
    for (let i = 0; i < CHUNK; i++) {
      const open = !(entries[i * 4 + 3] & POLLNVAL);
      if (open && isNext(start + i)) return;
    }
  }
}

/** The number that the next socket gets: the lowest free one. Every number below it is open. */
export function lowestFree(libc: Libc): number {
  for (let fd = 0; fd < 3; fd++) {
    const copy = libc.dup(fd);
    if (copy < 0) continue;
    libc.close(copy);
    return copy;
  }
  // No standard stream is open, or no number is free.
  return 0;
}

/** Whether any of the `CHUNK` numbers from `start` on is open; `entries` tells which. */
function markOpen(libc: Libc, start: number): boolean {
  entries.fill(0);
  for (let i = 0; i < CHUNK; i++) entryFds[i * 2] = start + i;
  const events = libc.poll(entryBytes, CHUNK);
  if (events < 0) return false;
  if (events < CHUNK) return true;
  for (let i = 0; i < CHUNK; i++) if (!(entries[i * 4 + 3] & POLLNVAL)) return true;
  return false;
}
