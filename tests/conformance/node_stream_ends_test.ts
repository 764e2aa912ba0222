/**
 * How streams of `keepwire/node-stream` end: in the order that clients of
 * `net.Socket` know, with the connection's own error, with or without a reader.
 *
 * @module
 */
import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { capabilities } from "../../mod.ts";
import { type ConnectionDuplex, toDuplex } from "../../node_stream.ts";
import { seededSha256, SeededStream, Sha256Stream } from "../kit/bytes.ts";
import { type Case, type CaseContext, cases, type Need } from "../kit/cases.ts";
import { openPair } from "../kit/pairs.ts";
import { checkSocketError } from "../kit/socket_error.ts";
import { sleep } from "../kit/time.ts";
import { MiB } from "./bytes.ts";
import { once, openStreamPair, record, STREAM_WAYS, type StreamWay } from "./node_stream.ts";

/** Abort sends a RST. */
function needsReset(): Need {
  return { capability: "reset", available: capabilities().reset };
}

const inEach = (
  name: string,
  run: (context: CaseContext, way: StreamWay) => Promise<void>,
  needs?: Need,
): Case[] =>
  STREAM_WAYS.map((way) => ({
    name: `${name}, ${way}`,
    run: (context) => run(context, way),
    ...needs && { needs },
  }));

const OPENED = ["connect", "ready"];

/** What a stream tells after it was opened. */
const told = (way: StreamWay, events: string[]): string[] =>
  way === "createConnection" ? [...OPENED, ...events] : events;

const ORDERLY: Case[] = [
  ...inEach("our end, then the peer's", async (context, way) => {
    const { stream, peer, events } = await openStreamPair(context, way);
    stream.resume();
    stream.end("bye");
    assertEquals(await peer.receive().then(({ bytes, end }) => [bytes, end]), [3, "eof"]);
    const closed = once(stream, "close");
    await peer.close();
    await closed;
    assertEquals(events, told(way, ["finish", "end", "close"]));
  }),
  ...inEach("the peer's end, which nobody reads: ours follows by itself", async (context, way) => {
    const { stream, peer, events } = await openStreamPair(context, way);
    const closed = once(stream, "close");
    await peer.shutdown();
    await closed;
    assertEquals(events, told(way, ["end", "finish", "close"]));
    assertEquals(await peer.waitForEnd(), "fin");
  }),
  ...inEach("the peer's end behind bytes waits for their reader", async (context, way) => {
    const { stream, peer, events } = await openStreamPair(context, way);
    await peer.write("unread");
    await peer.shutdown();
    await sleep(200);
    assertEquals(events, told(way, []));
    const closed = once(stream, "close");
    stream.setEncoding("utf8");
    assertEquals(stream.read(), "unread");
    await closed;
    assertEquals(events, told(way, ["end", "finish", "close"]));
  }),
  ...inEach("what is queued when the peer ends is sent before our end", async (context, way) => {
    const { stream, peer } = await openStreamPair(context, way, {}, { receiveBuffer: 16_384 });
    const source = new SeededStream("queued");
    for (let piece = 0; piece < 64; piece++) stream.write(source.take(MiB / 8));
    stream.resume();
    const ended = once(stream, "end");
    await peer.shutdown();
    await ended;
    const received = await peer.receive();
    assertEquals(received, { bytes: 8 * MiB, sha256: source.digest(), end: "eof" });
  }),
  ...inEach("allowHalfOpen: the peer ends, and writing goes on", async (context, way) => {
    const { stream, peer, events } = await openStreamPair(context, way, { allowHalfOpen: true });
    stream.resume();
    const ended = once(stream, "end");
    await peer.shutdown();
    await ended;
    await sleep(100);
    assertEquals([stream.writable, stream.readyState], [true, "writeOnly"]);
    const closed = once(stream, "close");
    stream.end("still here");
    assertEquals(await peer.readText(10), "still here");
    await closed;
    assertEquals(events, told(way, ["end", "finish", "close"]));
  }),
];

/** Bytes that a destroyed stream still gives. */
function leftIn(stream: ConnectionDuplex): number {
  let bytes = 0;
  for (let chunk = stream.read(); chunk !== null; chunk = stream.read()) bytes += chunk.length;
  return bytes;
}

/** A RST arrives, and what had come before it is delivered to whoever reads. */
const DEATH: Case[] = [
  ...inEach("a RST that nobody reads: error, then close, at once", async (context, way) => {
    const { stream, peer, events } = await openStreamPair(context, way);
    const both = Promise.all([once(stream, "error"), once(stream, "close")]);
    const started = performance.now();
    await peer.reset();
    const [error] = await both;
    assert(performance.now() - started < 1_900, "it took long");
    const { localAddress, remoteAddress } = stream.connection!;
    checkSocketError(error, { code: "ECONNRESET", op: "read", localAddress, remoteAddress });
    assertEquals(events, told(way, ["error ECONNRESET", "close"]));
    // The connection's own error, the same object.
    assertStrictEquals(await stream.connection!.closed.catch((reason) => reason), error);
  }),
  ...inEach(
    "a RST behind bytes that nobody reads: told all the same, and the bytes are there",
    async (context, way) => {
      const { stream, peer } = await openStreamPair(context, way);
      const both = Promise.all([once(stream, "error"), once(stream, "close")]);
      await peer.write("x".repeat(5_000));
      await sleep(100);
      await peer.reset();
      checkSocketError((await both)[0], { code: "ECONNRESET", op: "read" });
      let bytes = 0;
      for (let chunk = stream.read(); chunk !== null; chunk = stream.read()) bytes += chunk.length;
      assertEquals(bytes, 5_000);
    },
  ),
  ...inEach("a RST behind bytes that are being read: the bytes, then the error", async (context, way) => {
    const { stream, peer } = await openStreamPair(context, way);
    const came = new Sha256Stream();
    stream.on("data", (chunk: Uint8Array) => came.update(chunk));
    const error = once(stream, "error");
    await peer.reset({ bytes: 30_000, seed: "parting" });
    checkSocketError(await error, { code: "ECONNRESET", op: "read" });
    assertEquals([came.bytes, came.digest()], [30_000, seededSha256("parting", 30_000)]);
  }),
  ...inEach(
    "a RST while a slow reader rests: it gets what had come, then the error",
    async (context, way) => {
      const { stream, peer } = await openStreamPair(context, way);
      const came = new Sha256Stream();
      const reading = (async () => {
        for await (const chunk of stream) {
          came.update(chunk);
          await sleep(150);
        }
      })().catch((error) => error);
      for (let turn = 0; turn < 3; turn++) {
        await peer.write("y".repeat(1_000));
        await sleep(30);
      }
      await peer.reset();
      checkSocketError(await reading, { code: "ECONNRESET", op: "read" });
      assertEquals(came.bytes, 3_000);
    },
  ),
  ...inEach("a RST while writes wait: each is called back with the error", async (context, way) => {
    const { stream, peer } = await openStreamPair(context, way, {}, { receiveBuffer: 16_384 });
    const errors: unknown[] = [];
    const piece = new Uint8Array(4 * MiB);
    for (let turn = 0; turn < 4; turn++) stream.write(piece, (error) => errors.push(error));
    await sleep(100);
    const both = Promise.all([once(stream, "error"), once(stream, "close")]);
    await peer.reset();
    const [error] = await both;
    checkSocketError(error, { code: "ECONNRESET", op: ["read", "write"] });
    await sleep(0);
    assertEquals(errors.filter((one) => one instanceof Error).length, errors.length);
    assertEquals(errors.length >= 3, true, `${errors.length} called back`);
  }),
  {
    name: "a reader that has paused for good learns of a death after a second",
    run: async (context) => {
      const { stream, peer } = await openStreamPair(context, "createConnection");
      await peer.write("z".repeat(1_000));
      stream.on("data", () => {}).pause();
      await sleep(100);
      const error = once(stream, "error");
      await peer.reset();
      checkSocketError(await error, { code: "ECONNRESET", op: "read" });
      assertEquals(leftIn(stream), 1_000);
    },
  },
];

const DESTROYED: Case[] = [
  ...inEach(
    "destroy(): close at once, and the peer gets what was written and a FIN",
    async (context, way) => {
      const { stream, peer, events } = await openStreamPair(context, way);
      stream.write("goodbye");
      const closed = once(stream, "close");
      stream.destroy();
      await closed;
      assertEquals(events, told(way, ["close"]));
      assertEquals(await peer.readText(7), "goodbye");
      assertEquals(await peer.waitForEnd(), "fin");
      await peer.close();
    },
  ),
  ...inEach("destroy() with bytes unread: what was written arrives all the same", async (context, way) => {
    const { stream, peer } = await openStreamPair(context, way);
    await peer.write("u".repeat(50_000));
    await sleep(50);
    stream.write("goodbye");
    stream.destroy();
    assertEquals(await peer.readText(7), "goodbye");
    assertEquals(await peer.waitForEnd(), "fin");
  }),
  ...inEach("destroy() while the peer goes on sending: it is reset after a second", async (context, way) => {
    const { stream, peer } = await openStreamPair(context, way);
    stream.resume();
    const sending = peer.send({ bytes: 512 * MiB, rate: 20 * MiB, timeout: 8_000 });
    await sleep(50);
    stream.destroy();
    const { end } = await sending;
    assert(end === "ECONNRESET" || end === "EPIPE", `the peer's sending ended with ${end}`);
  }, needsReset()),
  ...inEach("destroy(error): the error, and a RST", async (context, way) => {
    const { stream, peer, events } = await openStreamPair(context, way);
    const reason = new Error("enough");
    const both = Promise.all([once(stream, "error"), once(stream, "close")]);
    stream.destroy(reason);
    assertStrictEquals((await both)[0], reason);
    assertEquals(events, told(way, ["error enough", "close"]));
    assertEquals(await peer.waitForEnd(), "reset");
    const error = await stream.connection!.closed.catch((error) => error);
    checkSocketError(error, { code: "ECONNABORTED", op: "abort", cause: { value: reason } });
  }, needsReset()),
  ...inEach("resetAndDestroy(): a RST, and no error", async (context, way) => {
    const { stream, peer, events } = await openStreamPair(context, way);
    const closed = once(stream, "close");
    assertEquals(stream.resetAndDestroy(), stream);
    await closed;
    assertEquals(events, told(way, ["close"]));
    assertEquals(await peer.waitForEnd(), "reset");
  }, needsReset()),
  ...inEach("destroySoon(): all is sent, then close", async (context, way) => {
    const { stream, peer, events } = await openStreamPair(context, way, {}, { receiveBuffer: 16_384 });
    const source = new SeededStream("soon");
    for (let piece = 0; piece < 16; piece++) stream.write(source.take(MiB / 4));
    const closed = once(stream, "close");
    stream.destroySoon();
    assertEquals(await peer.receive(), { bytes: 4 * MiB, sha256: source.digest(), end: "eof" });
    await closed;
    assertEquals(events, told(way, ["finish", "close"]));
  }),
];

cases("ends of streams", [
  ...ORDERLY,
  ...DEATH,
  ...DESTROYED,
  {
    name: "a connection that is closed or dropped beneath its stream",
    needs: needsReset(),
    run: async (context) => {
      const one = await openPair(context, "connected");
      const closing = toDuplex(one.connection);
      const events = record(closing);
      const closed = once(closing, "close");
      const done = one.connection.close();
      await one.peer.close();
      await Promise.all([closed, done]);
      assertEquals(events.at(-1), "close");
      assertEquals(events.some((name) => name.startsWith("error")), false, events.join());

      const other = await openPair(context, "connected");
      const dropping = toDuplex(other.connection);
      const error = once(dropping, "error");
      other.connection.abort();
      checkSocketError(await error, { code: "ECONNABORTED", op: "abort" });
    },
  },
  {
    name: "a peer that has closed resets our end: an end in good order, as of net.Socket",
    run: async (context) => {
      const { stream, peer, events } = await openStreamPair(context, "createConnection", {
        allowHalfOpen: true,
      });
      stream.resume();
      const ended = once(stream, "end");
      await peer.close();
      await ended;
      const closed = once(stream, "close");
      stream.write("goodbye", () => {
        // The RST comes while the process is busy.
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
        stream.end();
      });
      await closed;
      assertEquals(events, [...OPENED, "end", "finish", "close"]);
    },
  },
  {
    name: "a peer that has closed, and resets what it was sent before: an end in good order too",
    run: async (context) => {
      const { stream, peer, events } = await openStreamPair(context, "createConnection");
      stream.resume();
      const closed = once(stream, "close");
      await peer.close({ delay: 50 });
      // The FIN is here, and mostly not seen yet.
      if (stream.writable) stream.write("goodbye");
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
      await closed;
      const failed = events.filter((name) => name.startsWith("error"));
      assertEquals(events, [...OPENED, ...failed.length ? failed : ["end", "finish"], "close"]);
      // Where the write was not with the kernel yet, it is what failed.
      assertEquals(failed.every((name) => /EPIPE|ECONNRESET/.test(name)), true, events.join());
    },
  },
  {
    name: "a RST after the peer's end, while nothing is written",
    run: async (context) => {
      const { stream, peer } = await openStreamPair(context, "createConnection", { allowHalfOpen: true });
      stream.resume();
      const ended = once(stream, "end");
      await peer.shutdown();
      await ended;
      const error = once(stream, "error");
      stream.write("x");
      await sleep(50);
      // Unread bytes make it a RST.
      await peer.close();
      const { code } = await error as { code: string };
      assert(code === "EPIPE" || code === "ECONNRESET", code);
    },
  },
]);
