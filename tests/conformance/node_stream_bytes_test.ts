/**
 * Bytes through `keepwire/node-stream`: none is lost, duplicated or reordered,
 * and neither side is flooded.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { pipeline } from "node:stream/promises";
import type { ConnectionDuplex } from "../../node_stream.ts";
import { randomPieces, seededSha256, SeededStream, sha256, Sha256Stream } from "../kit/bytes.ts";
import { type Case, type CaseContext, cases } from "../kit/cases.ts";
import type { Came } from "../kit/streams.ts";
import { sleep } from "../kit/time.ts";
import { MiB, stuck, withoutGrowth } from "./bytes.ts";
import { once, openStreamPair, STREAM_WAYS, type StreamWay } from "./node_stream.ts";

/** What a stream, the connection beneath it and one native chunk may hold. */
const HELD = 65_536 + 65_536 + 512 * 1024;

const FLOOD = 256 * MiB;

/** How a stream's reader goes about it. */
const READERS: Record<string, (stream: ConnectionDuplex) => Promise<Came>> = {
  "'data'": (stream) =>
    new Promise((resolve, reject) => {
      const came = new Sha256Stream();
      stream.on("data", (chunk: Uint8Array) => came.update(chunk));
      stream.on("end", () => resolve({ bytes: came.bytes, sha256: came.digest() }));
      stream.on("error", reject);
    }),
  "'readable'": (stream) =>
    new Promise((resolve, reject) => {
      const came = new Sha256Stream();
      stream.on("readable", () => {
        for (let chunk = stream.read(); chunk !== null; chunk = stream.read()) came.update(chunk);
      });
      stream.on("end", () => resolve({ bytes: came.bytes, sha256: came.digest() }));
      stream.on("error", reject);
    }),
  "iteration, with rests": async (stream) => {
    const came = new Sha256Stream();
    let rested = 0;
    for await (const chunk of stream) {
      came.update(chunk);
      if (came.bytes - rested < 2 * MiB) continue;
      rested = came.bytes;
      await sleep(10);
    }
    return { bytes: came.bytes, sha256: came.digest() };
  },
};

/** Writes as Node's programs do: until the stream says to wait. */
async function writeAll(stream: ConnectionDuplex, seed: string, bytes: number): Promise<string> {
  const source = new SeededStream(seed);
  for (const size of randomPieces(seed, bytes)) {
    if (!stream.write(source.take(size))) await once(stream, "drain");
  }
  return source.digest();
}

const BOTH_WAYS: Case[] = STREAM_WAYS.map((way, index) => {
  const [reader, read] = Object.entries(READERS)[index];
  return {
    name: `16 MiB both ways at once, ${way}, read by ${reader}`,
    timeout: 40_000,
    run: async (context) => {
      const { stream, peer } = await openStreamPair(context, way, { allowHalfOpen: true });
      const bytes = 16 * MiB;
      const exchanging = peer.exchange(
        { bytes, seed: "theirs", pieces: [1, 200_000], fin: true },
        { chunk: 100_000 },
      );
      const writing = writeAll(stream, "ours", bytes).then((digest) => {
        stream.end();
        return digest;
      });
      const closed = once(stream, "close");
      const came = await read(stream);
      const ours = await writing;
      const { sent, received } = await exchanging;
      assertEquals(sent, { bytes, sha256: came.sha256, end: "done" });
      assertEquals(received, { bytes, sha256: ours, end: "eof" });
      await closed;
      assertEquals([stream.bytesRead, stream.bytesWritten], [bytes, bytes]);
    },
  };
});

/** A peer sends without end, and nobody reads. */
async function flooded(context: CaseContext, way: StreamWay, pause: boolean): Promise<void> {
  const { stream, peer } = await openStreamPair(context, way);
  if (pause) {
    let came = 0;
    stream.on("data", ({ length }: Uint8Array) => {
      came += length;
      if (came > MiB) stream.pause();
    });
  }
  const sending = peer.send({ bytes: FLOOD });
  const sent = await withoutGrowth(context, () => stuck(peer));
  assert(sent < FLOOD / 8, `nobody held the peer back: it sent ${sent} bytes`);
  assert(stream.readableLength <= HELD, `the stream holds ${stream.readableLength} bytes`);
  const rest = new Sha256Stream();
  await peer.cancel();
  const { bytes, sha256 } = await sending;
  const ended = once(stream, "end");
  await peer.shutdown();
  const taken = stream.bytesRead - stream.readableLength;
  stream.removeAllListeners("data");
  stream.on("data", (chunk: Uint8Array) => rest.update(chunk)).resume();
  await ended;
  assertEquals(taken + rest.bytes, bytes);
  if (taken === 0) assertEquals(rest.digest(), sha256);
}

/** The peer reads nothing for a while: the stream asks its writer to wait, and holds what it was given. */
async function heldBack(context: CaseContext, way: StreamWay): Promise<void> {
  const { stream, peer } = await openStreamPair(context, way, {}, { receiveBuffer: 16_384 });
  const source = new SeededStream("held");
  let [given, done] = [0, 0];
  let drained = false;
  stream.on("drain", () => drained = true);
  const give = () => {
    const piece = source.take(100_000);
    given += piece.length;
    return stream.write(piece, () => done += piece.length);
  };
  while (given < 64 * MiB) {
    drained = false;
    if (give()) continue;
    await sleep(100);
    if (!drained) break;
  }
  assert(given < 64 * MiB, "the stream never asks to wait");
  assert(done < given, "writes were called back that nobody has taken");
  assert(stream.writableLength <= 65_536 + 100_000, `the stream holds ${stream.writableLength} bytes`);
  assertEquals(stream.bytesWritten, given);
  stream.end();
  const received = await peer.receive();
  assertEquals(received, { bytes: given, sha256: source.digest(), end: "eof" });
  await peer.close();
}

const HELD_BACK: Case[] = STREAM_WAYS.map((way) => ({
  name: `a peer that does not read, ${way}`,
  timeout: 40_000,
  run: (context) => heldBack(context, way),
}));

cases("bytes of streams", [
  ...BOTH_WAYS,
  ...HELD_BACK,
  {
    name: "a flood that nobody reads",
    timeout: 40_000,
    run: (context) => flooded(context, "toDuplex, accepted", false),
  },
  {
    name: "a flood that is paused",
    timeout: 40_000,
    run: (context) => flooded(context, "createConnection", true),
  },
  {
    name: "chunks of all sizes, strings and buffers, corked and not, arrive in their order",
    run: async (context) => {
      const { stream, peer } = await openStreamPair(context, "createConnection");
      const source = new SeededStream("mixed");
      let text = 0;
      for (let turn = 0; turn < 60; turn++) {
        if (turn % 3 === 0) stream.cork();
        for (const size of [1, 7, 100, 70_000]) stream.write(source.take(size));
        if (turn % 3 === 2) stream.uncork();
      }
      for (let turn = 0; turn < 1_000; turn++) text += stream.write("é") ? 1 : 1;
      stream.write(source.take(0));
      while (stream.writableCorked > 0) stream.uncork();
      stream.end("tail");
      const bytes = source.bytes + 2 * text + 4;
      const received = await peer.receive({ keep: true });
      assertEquals([received.bytes, received.end], [bytes, "eof"]);
      assertEquals(sha256(received.data!.subarray(0, source.bytes)), source.digest());
      const tail = new TextDecoder().decode(received.data!.subarray(-(2 * text + 4)));
      assertEquals(tail, "é".repeat(1_000) + "tail");
    },
  },
  {
    name: "one write of 64 MiB, larger than what is sent at once",
    timeout: 40_000,
    run: async (context) => {
      const { stream, peer } = await openStreamPair(context, "createConnection");
      const bytes = 64 * MiB;
      stream.setTimeout(1_500, () => stream.destroy(new Error("nothing has moved")));
      stream.end(new SeededStream("large").take(bytes));
      const received = await peer.receive({ rate: 24 * MiB });
      assertEquals(received, { bytes, sha256: seededSha256("large", bytes), end: "eof" });
    },
  },
  {
    name: "pipeline from one stream into another",
    timeout: 40_000,
    run: async (context) => {
      const from = await openStreamPair(context, "createConnection");
      const to = await openStreamPair(context, "toDuplex, accepted");
      const bytes = 16 * MiB;
      const sending = from.peer.send({ bytes, seed: "piped" }).then(() => from.peer.shutdown());
      const receiving = to.peer.receive({ rate: 40 * MiB });
      await Promise.all([pipeline(from.stream, to.stream), sending]);
      assertEquals(await receiving, { bytes, sha256: seededSha256("piped", bytes), end: "eof" });
    },
  },
  {
    name: "setEncoding gives text, whose characters are whole",
    run: async (context) => {
      const { stream, peer } = await openStreamPair(context, "createConnection");
      stream.setEncoding("utf8");
      let text = "";
      stream.on("data", (chunk: string) => text += chunk);
      const ended = once(stream, "end");
      const euro = new TextEncoder().encode("€");
      for (const byte of euro) await peer.write(new Uint8Array([byte]));
      await peer.shutdown();
      await ended;
      assertEquals(text, "€");
    },
  },
]);
