/** The rules of a connection's life, over a wire that the test plays by hand. */
import { test } from "node:test";
import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { SocketError, type SocketErrorCode } from "../../core/errors.ts";
import type { KeepAliveStatus } from "../../core/types.ts";
import { Lifecycle } from "../../core/lifecycle/connection.ts";
import type { Sink, Wire } from "../../core/lifecycle/wire.ts";

/** A wire that writes down what it is asked, and does nothing. */
class FakeWire implements Wire {
  readonly native = {};
  filling = false;
  /** What was asked last of the reading side, and everything else in its order. */
  reading = "";
  readonly asked: string[] = [];
  sent: Uint8Array[] = [];
  left = 0;
  unacked: boolean | undefined = false;
  death: SocketErrorCode | undefined;

  pull(buffer: Uint8Array | null): void {
    this.reading = `pull ${buffer?.length ?? "any"}`;
  }
  standBy(): void {
    this.reading = "standBy";
  }
  hold(): void {
    this.reading = "hold";
  }
  drain(): void {
    this.reading = "drain";
  }
  send(data: Uint8Array): boolean {
    this.sent.push(data);
    return false;
  }
  unsent(): number {
    return this.left;
  }
  finish(): void {
    this.asked.push("finish");
  }
  close(): void {
    this.asked.push("close");
  }
  reset(): void {
    this.asked.push("reset");
  }
  watch(on: boolean): void {
    this.asked.push(on ? "watch" : "unwatch");
  }
  diagnose(): SocketErrorCode | undefined {
    return this.death;
  }
  unacknowledged(): boolean | undefined {
    return this.unacked;
  }
  info(): undefined {}
  vitals(): boolean {
    return false;
  }

  setKeepAlive(): KeepAliveStatus {
    throw new Error("not asked for here");
  }
  getKeepAlive(): KeepAliveStatus {
    throw new Error("not asked for here");
  }
  setNoDelay(): void {}
  ref(): void {}
  unref(): void {}
}

const localAddress = { transport: "tcp", hostname: "127.0.0.1", port: 1 } as const;
const remoteAddress = { transport: "tcp", hostname: "127.0.0.1", port: 2 } as const;

interface Played {
  connection: Lifecycle;
  sink: Sink;
  wire: FakeWire;
}

function play(options: { allowHalfOpen?: boolean; readAhead?: number; closeTimeout?: number } = {}): Played {
  const wire = new FakeWire();
  const chosen = { allowHalfOpen: false, readAhead: 10, closeTimeout: 10_000, ...options };
  const ends = { localAddress, remoteAddress, runtime: "node", os: "linux" };
  const connection = new Lifecycle(chosen, ends, () => wire);
  return { connection, sink: connection, wire };
}

const bytes = (...values: number[]): Uint8Array => new Uint8Array(values);
const failure = (code: string): Error => Object.assign(new Error(code), { code });

async function codeOf(promise: Promise<unknown>): Promise<string> {
  const error = await assertRejects(() => promise, SocketError);
  return error.code;
}

async function readAll(connection: Lifecycle): Promise<number[]> {
  const all: number[] = [];
  for await (const chunk of connection) all.push(...chunk);
  return all;
}

test("what was received is read in its order, and no more is taken than there is room for", async () => {
  const { connection, sink, wire } = play({ readAhead: 4 });
  assertEquals(wire.reading, "standBy");
  sink.received(bytes(1, 2), false);
  assertEquals(wire.reading, "standBy");
  sink.received(bytes(3, 4, 5), false);
  assertEquals(wire.reading, "hold");
  assertEquals(wire.asked, ["watch"]);
  const buffer = new Uint8Array(4);
  assertEquals(await connection.read(buffer), 4);
  assertEquals([...buffer], [1, 2, 3, 4]);
  assertEquals(wire.reading, "standBy");
  assertEquals(wire.asked, ["watch", "unwatch"]);
});

test("borrowed memory is copied, and a chunk larger than the buffer is kept", async () => {
  const { connection, sink, wire } = play();
  const shared = bytes(1, 2, 3);
  const first = connection.read(new Uint8Array(2));
  assertEquals(wire.reading, "pull 2");
  sink.received(shared, true);
  shared.fill(9);
  assertEquals(await first, 2);
  const rest = new Uint8Array(2);
  assertEquals(await connection.read(rest), 1);
  assertEquals(rest[0], 3);
});

test("small chunks are gathered without losing one", async () => {
  const { connection, sink } = play({ readAhead: 100_000 });
  const sent: number[] = [];
  for (let i = 0; i < 10_000; i++) {
    const chunk = Uint8Array.from({ length: 1 + (i % 3) }, (_, k) => (i + k) & 0xff);
    sent.push(...chunk);
    sink.received(chunk, i % 2 === 0);
    if (i % 1_000 === 500) {
      const buffer = new Uint8Array(700);
      const count = await connection.read(buffer) ?? 0;
      assertEquals([...buffer.subarray(0, count)], sent.splice(0, count));
    }
  }
  sink.ended();
  assertEquals(await readAll(connection), sent);
});

test("reads are answered in their order", async () => {
  const { connection, sink, wire } = play();
  const [one, two, three] = [1, 2, 3].map((size) => connection.read(new Uint8Array(size)));
  sink.received(bytes(1, 2), false);
  assertEquals([await one, await two], [1, 1]);
  assertEquals(wire.reading, "pull 3");
  sink.filled(3);
  assertEquals(await three, 3);
});

test("writes go out one at a time, and the FIN behind them", async () => {
  const { connection, sink, wire } = play();
  const done: string[] = [];
  connection.write(bytes(1)).then(() => done.push("one"));
  connection.write(bytes(2)).then(() => done.push("two"));
  const fin = connection.closeWrite().then(() => done.push("fin"));
  assertEquals(wire.sent.length, 1);
  assertEquals(await codeOf(connection.write(bytes(3))), "EPIPE");
  sink.sent();
  assertEquals(wire.asked, []);
  sink.sent();
  assertEquals(wire.asked, ["finish"]);
  sink.finished();
  await fin;
  assertEquals(done, ["one", "two", "fin"]);
});

test("a FIN behind unread bytes is reached when they are read, and ends a connection that is not half-open", async () => {
  const { connection, sink, wire } = play();
  sink.received(bytes(1), false);
  sink.ended();
  assertEquals(wire.asked, ["watch"]);
  assertEquals(await connection.read(new Uint8Array(5)), 1);
  assertEquals(wire.asked, ["watch", "finish"]);
  assertEquals(await connection.read(new Uint8Array(5)), null);
  sink.finished();
  await connection.closed;
  assertEquals(wire.asked, ["watch", "finish", "unwatch", "close"]);
});

test("half-open: one may go on writing until one ends it", async () => {
  const { connection, sink, wire } = play({ allowHalfOpen: true });
  sink.ended();
  assertEquals(wire.asked, ["watch"]);
  const written = connection.write(bytes(1));
  sink.sent();
  await written;
  connection.closeWrite();
  sink.finished();
  await connection.closed;
});

test("a failed read is the error of everything, after the bytes that came before", async () => {
  const { connection, sink, wire } = play();
  const written = connection.write(bytes(1));
  sink.received(bytes(7), false);
  sink.failed(failure("ECONNRESET"), "read");
  const error = await assertRejects(() => connection.closed, SocketError);
  assertEquals([error.code, error.op], ["ECONNRESET", "read"]);
  assertStrictEquals(await written.catch((reason) => reason), error);
  assertStrictEquals(await connection.write(bytes(1)).catch((reason) => reason), error);
  assertEquals(await connection.read(new Uint8Array(5)), 1);
  assertStrictEquals(await connection.read(new Uint8Array(5)).catch((reason) => reason), error);
  assertEquals(wire.asked, ["close"]);
  await connection.close();
});

test("a failed write is told at once, and the socket is read to its end before it is closed", async () => {
  const { connection, sink, wire } = play({ readAhead: 2 });
  sink.received(bytes(1, 2), false);
  const written = connection.write(bytes(1));
  sink.failed(failure("ECONNRESET"), "write");
  assertEquals(await codeOf(written), "ECONNRESET");
  assertEquals(await codeOf(connection.closed), "ECONNRESET");
  assertEquals(wire.reading, "drain");
  sink.received(bytes(3, 4, 5), false);
  assert(!wire.asked.includes("close"));
  sink.ended();
  assert(wire.asked.includes("close"));
  const buffer = new Uint8Array(9);
  assertEquals(await connection.read(buffer), 5);
  assertEquals(await codeOf(connection.read(buffer)), "ECONNRESET");
});

test("EPIPE before any FIN asks the read side, whose error wins", async () => {
  const { connection, sink, wire } = play();
  const written = connection.write(bytes(1));
  sink.failed(failure("EPIPE"), "write");
  assertEquals(wire.reading, "drain");
  sink.failed(failure("ETIMEDOUT"), "read");
  assertEquals(await codeOf(written), "ETIMEDOUT");
  assertEquals(await codeOf(connection.closed), "ETIMEDOUT");
});

test("EPIPE before any FIN stays EPIPE when the read side knows of an end only", async () => {
  const { connection, sink } = play();
  const written = connection.write(bytes(1));
  sink.failed(failure("EPIPE"), "write");
  sink.ended();
  assertEquals(await codeOf(written), "EPIPE");
  assertEquals(await connection.read(new Uint8Array(1)), null);
});

test("a reset after a FIN that was reached concerns only what we write", async () => {
  const { connection, sink } = play({ allowHalfOpen: true });
  sink.ended();
  const written = connection.write(bytes(1));
  sink.failed(failure("ECONNRESET"), "write");
  assertEquals(await codeOf(written), "EPIPE");
  assertEquals(await codeOf(connection.closed), "EPIPE");
  assertEquals(await connection.read(new Uint8Array(1)), null);
});

test("a socket found dead after the FIN is asked what it died of", async () => {
  const { connection, sink, wire } = play({ allowHalfOpen: true });
  sink.ended();
  sink.died();
  assert(!wire.asked.includes("close"));
  wire.death = "ETIMEDOUT";
  sink.died();
  assertEquals(await codeOf(connection.closed), "ETIMEDOUT");
  assertEquals(wire.asked, ["watch", "unwatch", "close"]);
});

test("close flushes, sends a FIN, throws away what comes, and waits for the peer's FIN", async () => {
  const { connection, sink, wire } = play();
  sink.received(bytes(1, 2, 3), false);
  connection.write(bytes(1));
  const closed = connection.close();
  assertStrictEquals(connection.close(), closed);
  assertEquals(wire.reading, "drain");
  assertEquals(await connection.read(new Uint8Array(1)), null);
  assertEquals(wire.asked, []);
  sink.sent();
  sink.finished();
  sink.received(bytes(4), false);
  assertEquals(wire.asked, ["finish"]);
  sink.ended();
  await closed;
  await connection.closed;
  assertEquals(wire.asked, ["finish", "close"]);
  assertEquals(await connection.read(new Uint8Array(1)), null);
  assertEquals(await codeOf(connection.write(bytes(1))), "EPIPE");
});

test("close answers a pending read with null, but not while its buffer is being written into", async () => {
  const { connection, sink, wire } = play();
  wire.filling = true;
  let first: number | null | undefined;
  const reads = [
    connection.read(new Uint8Array(4)).then((count) => first = count),
    connection.read(new Uint8Array(4)),
  ];
  connection.close();
  assertEquals(await reads[1], null);
  assertEquals(first, undefined);
  sink.filled(4);
  assertEquals(await reads[0], null);
});

test("closeTimeout: bytes that may not have arrived are ETIMEDOUT, a peer that only does not end is not", async () => {
  const lost = play({ closeTimeout: 0 });
  lost.wire.unacked = true;
  assertEquals(await codeOf(lost.connection.close()), "ETIMEDOUT");
  assertEquals(await codeOf(lost.connection.closed), "ETIMEDOUT");
  assertEquals(lost.wire.asked, ["finish", "reset"]);

  const queued = play({ closeTimeout: 0 });
  const written = queued.connection.write(bytes(1));
  assertEquals(await codeOf(queued.connection.close()), "ETIMEDOUT");
  assertEquals(await codeOf(written), "ETIMEDOUT");

  const arrived = play({ closeTimeout: 0 });
  await arrived.connection.close();
  await arrived.connection.closed;
  assertEquals(arrived.wire.asked, ["finish", "reset"]);
});

test("closeTimeout runs from the moment the kernel last took a byte", async () => {
  const { connection, wire } = play({ closeTimeout: 60 });
  connection.write(bytes(1));
  wire.left = 8;
  const begun = performance.now();
  const closed = connection.close();
  const taking = setInterval(() => wire.left > 1 && wire.left--, 20);
  assertEquals(await codeOf(closed), "ETIMEDOUT");
  clearInterval(taking);
  const took = performance.now() - begun;
  assert(took > 150, `ended after ${took} ms, though bytes were taken up to 140 ms`);
});

test("abort drops everything at once, with the reason as cause", async () => {
  const { connection, sink, wire } = play();
  sink.received(bytes(1), false);
  const written = connection.write(bytes(1));
  const reason = { because: "of this" };
  connection.abort(reason);
  assertEquals(wire.asked, ["reset"]);
  const error = await assertRejects(() => connection.closed, SocketError);
  assertEquals([error.code, error.op], ["ECONNABORTED", "abort"]);
  assertStrictEquals(error.cause, reason);
  assertStrictEquals(await written.catch((reason) => reason), error);
  assertStrictEquals(await connection.read(new Uint8Array(1)).catch((reason) => reason), error);
  await connection.close();
});

test("only the first failure counts", async () => {
  const { connection, sink } = play();
  sink.failed(failure("ECONNRESET"), "read");
  sink.failed(failure("EPIPE"), "write");
  connection.abort();
  sink.ended();
  assertEquals(await codeOf(connection.closed), "ECONNRESET");
});

test("a loop that is left early leaves the connection as it is", async () => {
  const { connection, sink } = play();
  sink.received(bytes(1), false);
  for await (const chunk of connection) {
    assertEquals([...chunk], [1]);
    break;
  }
  sink.received(bytes(2), false);
  assertEquals(await connection.read(new Uint8Array(1)), 1);
});
