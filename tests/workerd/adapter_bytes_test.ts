/** The library inside workerd: bytes arrive as they were sent, and a slow reader holds the sender back. */
import { assert, assertEquals } from "@std/assert";
import { sleep } from "../kit/time.ts";
import { insideCases, type InsideContext, step } from "./library.ts";

const BULK = 64 << 20;
const FLOOD = 64 << 20;

insideCases("workerd bytes", [
  { name: "64 MiB both ways at once", run: bothWays },
  { name: "a slow reader holds the sender back, and loses nothing", run: slowReader },
  { name: "a slow peer holds the writer back", run: slowPeer },
  {
    name: "writes that were not waited for go out whole and in order; reads are answered in order",
    run: order,
  },
  { name: "by iteration", run: iteration },
  { name: "readable and writable: an echo by pipeTo", run: echo },
  { name: "data may change once the write has resolved, a buffer stays the reader's", run: buffers },
  { name: "IPv6", run: ipv6 },
]);

/** Takes all that comes, by buffers of odd sizes. */
const READ_ALL = `
  const readAll = async (connection) => {
    const came = sha();
    const memory = new Uint8Array(150_000);
    let count = 0;
    for (;;) {
      const size = 1 + Math.floor(Math.random() * memory.length);
      const length = await connection.read(memory.subarray(0, size));
      if (length === null) return { bytes: count, sha256: await came.digest() };
      count += length;
      await came.update(memory.subarray(0, length));
    }
  };`;

async function bothWays({ workerd, peer }: InsideContext): Promise<void> {
  const at = await peer.listen();
  const working = workerd.run(
    step(`${READ_ALL}
      const connection = await keepwire.connect({ port: arg.port });
      const sent = sha();
      const write = async () => {
        const data = new Uint8Array(1 << 20);
        for (let left = arg.bytes; left > 0;) {
          const part = data.subarray(0, Math.min(1 + Math.floor(Math.random() * data.length), left));
          for (let at = 0; at < part.length; at += 65_536) crypto.getRandomValues(part.subarray(at, at + 65_536));
          await sent.update(part);
          await connection.write(part);
          left -= part.length;
        }
        await connection.closeWrite();
      };
      const [came] = await Promise.all([readAll(connection), write()]);
      return { came, sent: await sent.digest(), closed: await connection.closed.then(() => "well", String) };`),
    { port: at.port, bytes: BULK },
    60_000,
  ) as Promise<{ came: unknown; sent: string; closed: string }>;
  const far = await at.accept();
  const moved = await far.exchange({ bytes: BULK, seed: "down", fin: true }, {});
  const { came, sent, closed } = await working;
  assertEquals(came, { bytes: BULK, sha256: moved.sent.sha256 });
  assertEquals([moved.received.bytes, moved.received.sha256, moved.received.end], [BULK, sent, "eof"]);
  assertEquals(closed, "well");
}

async function slowReader({ workerd, peer }: InsideContext): Promise<void> {
  const at = await peer.listen();
  await workerd.run(
    step("state.connection = await keepwire.connect({ port: arg, readAhead: 100_000 })"),
    at.port,
  );
  const far = await at.accept();
  const sending = far.send({ bytes: FLOOD, seed: "flood" });
  await sleep(500);
  const { sent } = await far.status();
  await sleep(300);
  assertEquals((await far.status()).sent, sent);
  assert(sent < 16 << 20, `${sent} bytes were taken though nobody reads`);
  const reading = workerd.run(step(`${READ_ALL} return await readAll(state.connection)`), undefined, 60_000);
  const { sha256 } = await sending;
  await far.shutdown();
  assertEquals<unknown>(await reading, { bytes: FLOOD, sha256 });
}

async function slowPeer({ workerd, peer }: InsideContext): Promise<void> {
  const at = await peer.listen({ receiveBuffer: 65_536 });
  const held = await workerd.run(
    step(`
      const connection = state.connection = await keepwire.connect({ port: arg });
      state.written = 0;
      state.writing = (async () => {
        const data = new Uint8Array(1 << 20).fill(7);
        while (state.written < ${FLOOD}) {
          await connection.write(data);
          state.written += data.length;
        }
        await connection.closeWrite();
      })();
      await sleep(500);
      const before = state.written;
      await sleep(300);
      return [before, state.written];`),
    at.port,
  ) as number[];
  assertEquals(held[0], held[1]);
  assert(held[0] < 16 << 20, `${held[0]} bytes were taken though the peer does not read`);
  const far = await at.accept();
  const receiving = far.receive();
  await workerd.run(step("await state.writing"), undefined, 60_000);
  const { bytes } = await receiving;
  assertEquals(bytes, FLOOD);
  await far.shutdown();
  await workerd.run(step("await state.connection.closed"));
}

async function order({ workerd, peer }: InsideContext): Promise<void> {
  const at = await peer.listen();
  const reading = workerd.run(
    step(`
      const connection = state.connection = await keepwire.connect({ port: arg });
      const writes = [];
      for (let number = 0; number < 120; number++) {
        writes.push(connection.write(new Uint8Array(number * 600).fill(number % 251)));
      }
      const reads = Array.from({ length: 50 }, () => readText(connection, 2));
      await Promise.all(writes);
      return (await Promise.all(reads)).join("");`),
    at.port,
    60_000,
  );
  const far = await at.accept();
  const wanted = 600 * 120 * 119 / 2;
  const { data } = await far.receive({ bytes: wanted, keep: true });
  let [number, left] = [1, 600];
  for (const byte of data!) {
    if (byte !== number % 251) throw new Error(`byte ${byte} where ${number % 251} was due`);
    if (--left === 0) left = ++number * 600;
  }
  assertEquals(number, 120);
  const text = Array.from({ length: 50 }, (_, index) => String(index).padStart(2, "0")).join("");
  for (let index = 0; index < 100; index += 2) {
    await far.write(text.slice(index, index + 2));
    await sleep(2);
  }
  assertEquals(await reading, text);
  await workerd.run(step("state.connection.abort()"));
}

async function iteration({ workerd, peer }: InsideContext): Promise<void> {
  const at = await peer.listen();
  const reading = workerd.run(
    step(`
      const connection = await keepwire.connect({ port: arg });
      const came = sha();
      let count = 0;
      for await (const chunk of connection) {
        count += chunk.length;
        await came.update(chunk);
      }
      return { bytes: count, sha256: await came.digest() };`),
    at.port,
  );
  const far = await at.accept();
  const { sha256 } = await far.send({ bytes: 4 << 20, seed: "iterated", pieces: [1, 50_000] });
  await far.shutdown();
  assertEquals<unknown>(await reading, { bytes: 4 << 20, sha256 });
}

async function echo({ workerd, peer }: InsideContext): Promise<void> {
  const at = await peer.listen();
  const echoing = workerd.run(
    step(`
      const connection = await keepwire.connect({ port: arg, allowHalfOpen: true });
      await connection.readable.pipeTo(connection.writable);
      await connection.closed;
      return "done";`),
    at.port,
    60_000,
  );
  const far = await at.accept();
  const { sent, received } = await far.exchange({ bytes: 8 << 20, seed: "echo", fin: true }, {});
  assertEquals([received.sha256, received.bytes], [sent.sha256, 8 << 20]);
  assertEquals(await echoing, "done");
}

async function buffers({ workerd, peer }: InsideContext): Promise<void> {
  const at = await peer.listen();
  const working = workerd.run(
    step(`
      const connection = state.connection = await keepwire.connect({ port: arg });
      const data = new Uint8Array(300_000);
      for (let round = 1; round <= 20; round++) {
        await connection.write(data.fill(round));
        data.fill(255);
      }
      const whole = new ArrayBuffer(20);
      const buffer = new Uint8Array(whole, 5, 10);
      const count = await connection.read(buffer);
      return [data.length, whole.byteLength, buffer.length, count, [...new Uint8Array(whole)].join()];`),
    at.port,
  );
  const far = await at.accept();
  const { data } = await far.receive({ bytes: 6_000_000, keep: true });
  data!.forEach((byte, index) => {
    if (byte !== 1 + Math.floor(index / 300_000)) throw new Error(`byte ${byte} at ${index}`);
  });
  await far.write("hello");
  assertEquals<unknown>(await working, [
    300_000,
    20,
    10,
    5,
    "0,0,0,0,0,104,101,108,108,111,0,0,0,0,0,0,0,0,0,0",
  ]);
  await workerd.run(step("state.connection.abort()"));
}

async function ipv6({ workerd, peer }: InsideContext): Promise<void> {
  const at = await peer.listen({ host: "::1" });
  const working = workerd.run(
    step(`
      const connection = await keepwire.connect({ hostname: "::1", port: arg });
      await connection.write(bytes("hello"));
      await connection.close();
      return [connection.localAddress, connection.remoteAddress];`),
    at.port,
  );
  const far = await at.accept();
  assertEquals(await far.readText(5), "hello");
  await far.shutdown();
  assertEquals<unknown>(await working, [{ transport: "tcp", hostname: "", port: 0 }, at.address]);
}
