/**
 * What the `ends_*` files share: a connection of ours with the scripted peer
 * at its other end, opened in each way there is, and how to look at its end.
 *
 * @module
 */
import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { capabilities, type Connection } from "../../mod.ts";
import { seededSha256, SeededStream, Sha256Stream } from "../kit/bytes.ts";
import type { Case, CaseContext } from "../kit/cases.ts";
import { type CommonOptions, openPair, type Way } from "../kit/pairs.ts";
import type { PeerConnection } from "../kit/peer.ts";
import { assertSocketError, checkSocketError } from "../kit/socket_error.ts";
import { eventually, sleep, TimeoutError, withTimeout } from "../kit/time.ts";

/** Milliseconds in which a death must be noticed: one second after the kernel knows, and what a loaded machine adds. */
export const NOTICED = 1_500;

/** More than the kernel buffers between two ends: writing it stays pending while the peer does not read. */
export const TOO_MUCH = 12 * 1024 * 1024;

/** One connection, both its ends. */
export interface Pair {
  ours: Connection;
  theirs: PeerConnection;
}

/** Opens a pair; ours is dropped after the case if it lives still. */
export type Open = (options?: CommonOptions & { receiveBuffer?: number }) => Promise<Pair>;

/** A case that is run for each {@link Way}. */
export interface WayCase extends Omit<Case, "run"> {
  /** It mostly waits: all ways are run at once, as one case. */
  slow?: boolean;
  run(open: Open, context: CaseContext, way: Way): unknown;
}

export const TCP_WAYS: readonly Way[] = ["connected", "accepted"];

export const isUnix = (way: Way): boolean => way.endsWith("by path");

/** Each case in each way. */
export function inWays(ways: readonly Way[], list: WayCase[]): Case[] {
  return list.flatMap((one) =>
    one.slow ? [inWaysAtOnce(ways, one)] : ways.map((way) => ({
      ...one,
      name: `${one.name} (${way})`,
      run: (context: CaseContext) => runWay(one, way, context),
    }))
  );
}

function inWaysAtOnce(ways: readonly Way[], one: WayCase): Case {
  const run = async (context: CaseContext) => {
    const ends = await Promise.allSettled(ways.map((way) => runWay(one, way, context)));
    ends.forEach((end, index) => {
      if (end.status === "rejected") throw new Error(`${ways[index]}: ${end.reason}`, { cause: end.reason });
    });
  };
  return { ...one, name: `${one.name} (${ways.join(", ")})`, run };
}

async function runWay({ run }: WayCase, way: Way, context: CaseContext): Promise<void> {
  const open: Open = async ({ receiveBuffer, ...options } = {}) => {
    const { connection, peer } = await openPair(context, way, options, { receiveBuffer });
    return { ours: connection, theirs: peer };
  };
  await run(open, context, way);
}

/** How the peer learns of our `abort()`. */
export function endOfAbort(way: Way): "reset" | "fin" {
  return capabilities().reset && !isUnix(way) ? "reset" : "fin";
}

/** For cases in which death must be noticed in states where no read stands. */
export const NOTICES_ALWAYS = {
  capability: "noticesDeath: always",
  available: capabilities().noticesDeath === "always",
};

/** `promise`, which must settle within {@link NOTICED}. */
export function soon<T>(promise: Promise<T>, what: string): Promise<T> {
  return withTimeout(promise, NOTICED, what);
}

/** What `promise` rejects with, within `limit`. */
export async function errorOf(promise: Promise<unknown>, what: string, limit = NOTICED): Promise<unknown> {
  let value: unknown;
  try {
    value = await withTimeout(promise, limit, what);
  } catch (error) {
    if (error instanceof TimeoutError) throw error;
    return error;
  }
  throw new Error(`${what} gave ${String(value)} where an error was due`);
}

/** Asserts that `promise` stays pending for so many milliseconds. */
export async function staysPending(
  promise: Promise<unknown>,
  what: string,
  milliseconds = 80,
): Promise<void> {
  const pending = Symbol();
  const settled = promise.then(() => "resolved", () => "rejected");
  const found = await Promise.race([settled, sleep(milliseconds).then(() => pending)]);
  assert(found === pending, `${what} has ${String(found)}`);
}

/** The bytes of a text. */
export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** So many bytes of the seeded stream, as the peer sends them by `send({ bytes, seed })`. */
export function seeded(seed: string, length: number): Uint8Array {
  return new SeededStream(seed).take(length);
}

/** What came until the stream ended: `end` is `null`, or the error. */
export interface ReadToEnd {
  bytes: number;
  sha256: string;
  end: unknown;
}

/** Reads to the end, by `read`. */
export async function readToEnd(connection: Connection, size = 16_384): Promise<ReadToEnd> {
  const hash = new Sha256Stream();
  const buffer = new Uint8Array(size);
  try {
    for (;;) {
      const count = await connection.read(buffer);
      if (count === null) return { bytes: hash.bytes, sha256: hash.digest(), end: null };
      assert(count > 0, "a read gave 0");
      hash.update(buffer.subarray(0, count));
    }
  } catch (end) {
    return { bytes: hash.bytes, sha256: hash.digest(), end };
  }
}

/** Asserts that so many seeded bytes come, then `error`. */
export async function assertReadsThenFails(
  connection: Connection,
  seed: string,
  length: number,
  error?: unknown,
): Promise<unknown> {
  const { bytes: count, sha256, end } = await readToEnd(connection);
  assertEquals(count, length);
  assertEquals(sha256, seededSha256(seed, length));
  if (error !== undefined) assertStrictEquals(end, error, "of the read after the last byte");
  return end;
}

/** Reads exactly so many bytes as text. */
export async function readText(connection: Connection, length: number): Promise<string> {
  const all = new Uint8Array(length);
  for (let at = 0; at < length;) {
    const count = await connection.read(all.subarray(at));
    assert(count !== null, `the stream ended after ${at} of ${length} bytes`);
    at += count;
  }
  return new TextDecoder().decode(all);
}

/** Has the peer send so many seeded bytes, all of which our kernel has when this resolves. */
export async function sendAndArrive(theirs: PeerConnection, seed: string, length: number): Promise<void> {
  assertEquals((await theirs.send({ bytes: length, seed })).bytes, length);
  const arrived = async () => !(await theirs.status()).unacknowledged;
  await eventually(arrived, 3_000, "Arriving of the peer's bytes");
}

/** Asserts that a read gives `null`. */
export async function assertReadsEnd(connection: Connection): Promise<void> {
  assertEquals(await soon(connection.read(new Uint8Array(10)), "The read at the end"), null);
}

/** Asserts that all that is asked of a failed connection from now on gives this same error; closing it is fine. */
export async function assertLatched(
  connection: Connection,
  error: unknown,
  reads: "fail" | "null" = "fail",
): Promise<void> {
  assertStrictEquals(await errorOf(connection.closed, "closed"), error, "of closed");
  assertStrictEquals(await errorOf(connection.write(bytes("late")), "A later write"), error, "of write");
  assertStrictEquals(await errorOf(connection.closeWrite(), "A later closeWrite"), error, "of closeWrite");
  if (reads === "null") {
    await assertReadsEnd(connection);
  } else {
    const read = connection.read(new Uint8Array(10));
    assertStrictEquals(await errorOf(read, "A later read"), error, "of read");
    const next = connection[Symbol.asyncIterator]().next();
    assertStrictEquals(await errorOf(next, "A later iteration"), error, "of the iteration");
  }
  await assertNotConnected(connection, error);
  await soon(connection.close(), "close() of a failed connection");
  await soon(Promise.resolve(connection[Symbol.asyncDispose]()), "Disposing of a failed connection");
}

/** Asserts that the setters of a connection that is gone say so, because of `cause`. */
export async function assertNotConnected(connection: Connection, cause: unknown): Promise<void> {
  const expected = { code: "ENOTCONN", cause: { value: cause }, ...endsOf(connection) };
  await assertSocketError(() => connection.setKeepAlive(true), { ...expected, op: "setKeepAlive" });
  await assertSocketError(() => connection.getKeepAlive(), { ...expected, op: "getKeepAlive" });
  await assertSocketError(() => connection.setNoDelay(), { ...expected, op: "setNoDelay" });
  connection.ref();
  connection.unref();
}

/** Its two addresses, as each of its errors must have them. */
export function endsOf({ localAddress, remoteAddress }: Connection) {
  return { localAddress, remoteAddress };
}

const EITHER = ["read", "write"];

/** Checks the error of a connection that the peer has reset. */
export function checkReset(connection: Connection, error: unknown, op: string | string[] = EITHER): void {
  checkSocketError(error, { code: "ECONNRESET", op, cause: "error", ...endsOf(connection) });
}

/** The same whether there is TLS or not. */
export const resetBehindFullReadAhead: WayCase = {
  name: "read-ahead full and more in the kernel, nobody reads: closed tells, and no byte is lost",
  slow: true,
  needs: NOTICES_ALWAYS,
  run: async (open) => {
    const { ours, theirs } = await open({ readAhead: 4_096 });
    await sendAndArrive(theirs, "more", 60_000);
    // So that no read of the runtime's own stands any more.
    await sleep(600);
    await theirs.reset();
    const error = await errorOf(ours.closed, "closed");
    checkReset(ours, error);
    assertStrictEquals(await errorOf(ours.write(bytes("late")), "A write"), error);
    await assertReadsThenFails(ours, "more", 60_000, error);
    await assertLatched(ours, error);
  },
};
