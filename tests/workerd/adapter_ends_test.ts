/** The library inside workerd: how connections come about and end. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { PeerListener } from "../kit/peer.ts";
import { sleep } from "../kit/time.ts";
import { type ErrorFacts, insideCases, type InsideContext, step } from "./library.ts";

insideCases("workerd FIN", [
  { name: "with allowHalfOpen: false it ends both sides, be there a reader or none", run: finEnds },
  { name: "with allowHalfOpen: true one may go on writing, until both FINs are through", run: halfOpen },
  { name: "our FIN: reading goes on", run: ourFin },
  { name: "behind unread bytes it waits until they are read", run: finBehindBytes },
]);

insideCases("workerd RST", [
  { name: "bytes first, then one error for all, the same object", run: resetBehindBytes },
  { name: "is told though nobody reads", run: resetUnread },
  { name: "with the read-ahead full it is told by the next write", run: resetUnseen },
  { name: "after a FIN that was read, writes and closed give EPIPE", run: resetAfterFin },
]);

insideCases("workerd close", [
  { name: "flushes what was queued, and waits for the peer's FIN", run: closeFlushes },
  { name: "with unread bytes while the peer goes on sending: ours arrive", run: closeUnread },
  { name: "twice, and then: reads give null, writes EPIPE, options ENOTCONN", run: closeTwice },
  { name: "closeTimeout: ETIMEDOUT where bytes of ours are left", run: closeTimesOut },
  { name: "abort: one error with its reason; what is queued here is dropped", run: abort },
  { name: "await using", run: disposes },
]);

insideCases("workerd connect", [
  { name: "nobody listens: EIO, with workerd's word as its cause", run: refused },
  { name: "a hostname that is none: ENOTFOUND", run: noName },
  { name: "timeout: ETIMEDOUT in time, and what comes late is closed", run: timesOut },
  { name: "signal: its own reason, before and while connecting", run: signalled },
]);

const isReset = (error: ErrorFacts, op: string, remoteAddress: unknown) =>
  assertEquals(error, {
    classes: ["SocketError", "TypeError", "Error", "Object"],
    message: error.message,
    code: "ECONNRESET",
    op,
    remoteAddress,
    cause: "Network connection lost.",
  });

async function finEnds({ workerd, peer }: InsideContext): Promise<void> {
  for (const reads of [false, true]) {
    const at = await peer.listen();
    const ended = workerd.run(
      step(`
        const connection = await keepwire.connect({ port: arg.port });
        const read = arg.reads ? await connection.read(new Uint8Array(5)) : null;
        await connection.closed;
        return [read, await connection.read(new Uint8Array(5)), (await failure(connection.write(bytes("late")))).code];`),
      { port: at.port, reads },
    );
    const far = await at.accept();
    await far.shutdown();
    assertEquals(await far.waitForEnd(), "fin");
    assertEquals<unknown>(await ended, [null, null, "EPIPE"]);
  }
}

async function halfOpen({ workerd, peer }: InsideContext): Promise<void> {
  const at = await peer.listen();
  const ended = workerd.run(
    step(`
      const connection = await keepwire.connect({ port: arg, allowHalfOpen: true });
      const first = await readText(connection);
      const end = await connection.read(new Uint8Array(5));
      const open = await within(200, connection.closed);
      await connection.write(bytes("late"));
      await connection.closeWrite();
      await connection.closed;
      return [first, end, open];`),
    at.port,
  );
  const far = await at.accept();
  await far.write("hello");
  await far.shutdown();
  const { end, data } = await far.receive({ keep: true });
  assertEquals([end, new TextDecoder().decode(data)], ["eof", "late"]);
  assertEquals<unknown>(await ended, ["hello", null, "pending"]);
}

async function ourFin({ workerd, peer }: InsideContext): Promise<void> {
  const at = await peer.listen();
  const ended = workerd.run(
    step(`
      const connection = await keepwire.connect({ port: arg });
      await connection.write(bytes("question"));
      await connection.closeWrite();
      const late = (await failure(connection.write(bytes("late")))).code;
      const answer = await readText(connection);
      const end = await connection.read(new Uint8Array(5));
      await connection.closed;
      return [late, answer, end];`),
    at.port,
  );
  const far = await at.accept();
  assertEquals((await far.receive()).end, "eof");
  await far.write("answer");
  await far.shutdown();
  assertEquals<unknown>(await ended, ["EPIPE", "answer", null]);
}

async function finBehindBytes({ workerd, peer }: InsideContext): Promise<void> {
  const at = await peer.listen();
  await workerd.run(step("state.connection = await keepwire.connect({ port: arg })"), at.port);
  const far = await at.accept();
  await far.write("hello");
  await far.shutdown();
  assertEquals<unknown>(
    await workerd.run(step(`
      const { connection } = state;
      const before = await within(300, connection.closed);
      const read = await readText(connection);
      await connection.closed;
      return [before, read, await connection.read(new Uint8Array(5))];`)),
    ["pending", "hello", null],
  );
}

async function resetBehindBytes({ workerd, peer }: InsideContext): Promise<void> {
  const at = await peer.listen();
  await workerd.run(step("state.connection = await keepwire.connect({ port: arg })"), at.port);
  const far = await at.accept();
  await far.write("hello");
  await sleep(100);
  await far.reset();
  await sleep(100);
  const told = await workerd.run(step(`
    const { connection } = state;
    const read = await readText(connection);
    const errors = await Promise.all([
      connection.read(new Uint8Array(5)),
      connection.write(bytes("late")),
      connection.closed,
      connection.closeWrite(),
      connection[Symbol.asyncIterator]().next(),
    ].map((promise) => promise.catch((error) => error)));
    await connection.close();
    const gone = (await failure(() => connection.getKeepAlive())).code;
    return { read, same: errors.every((error) => error === errors[0]), error: facts(errors[0]), gone };`)) as {
    read: string;
    same: boolean;
    error: ErrorFacts;
    gone: string;
  };
  assertEquals([told.read, told.same, told.gone], ["hello", true, "ENOTCONN"]);
  isReset(told.error, "read", at.address);
}

async function resetUnread({ workerd, peer }: InsideContext): Promise<void> {
  const at = await peer.listen();
  await workerd.run(step("state.connection = await keepwire.connect({ port: arg })"), at.port);
  const far = await at.accept();
  const told = workerd.run<unknown, ErrorFacts>(step("return await failure(state.connection.closed)"));
  await far.reset();
  const started = performance.now();
  isReset(await told, "read", at.address);
  assert(performance.now() - started < 1_000);
}

async function resetUnseen({ workerd, peer }: InsideContext): Promise<void> {
  const at = await peer.listen();
  await workerd.run(step("state.connection = await keepwire.connect({ port: arg, readAhead: 5 })"), at.port);
  const far = await at.accept();
  await far.write("hello");
  await sleep(100);
  await far.reset();
  const told = await workerd.run(step(`
    const { connection } = state;
    const before = await within(500, connection.closed);
    const write = await failure(connection.write(bytes("late")));
    const closed = await failure(connection.closed);
    return { before, write, closed, read: await readText(connection), then: await failure(readText(connection)) };`)) as {
    before: string;
    write: ErrorFacts;
    closed: ErrorFacts;
    read: string;
    then: ErrorFacts;
  };
  assertEquals([told.before, told.read], ["pending", "hello"]);
  isReset(told.write, "write", at.address);
  assertEquals([told.closed, told.then], [told.write, told.write]);
}

async function resetAfterFin({ workerd, peer }: InsideContext): Promise<void> {
  const at = await peer.listen();
  const connected = workerd.run(
    step(`
      const connection = state.connection = await keepwire.connect({ port: arg, allowHalfOpen: true });
      return await connection.read(new Uint8Array(5));`),
    at.port,
  );
  const far = await at.accept();
  await far.shutdown();
  assertEquals<unknown>(await connected, null);
  await far.reset();
  await sleep(100);
  const told = await workerd.run(step(`
    const { connection } = state;
    const write = await failure(connection.write(bytes("late")));
    const closed = await failure(connection.closed);
    return [write.code, closed.code, await connection.read(new Uint8Array(5))];`));
  assertEquals<unknown>(told, ["EPIPE", "EPIPE", null]);
}

async function closeFlushes({ workerd, peer }: InsideContext): Promise<void> {
  const at = await peer.listen();
  const closing = workerd.run(
    step(`
      const connection = await keepwire.connect({ port: arg });
      for (let index = 0; index < 8; index++) connection.write(new Uint8Array(1 << 20).fill(index));
      await connection.close();
      await connection.closed;
      return "closed";`),
    at.port,
  );
  const far = await at.accept();
  await sleep(200);
  const { bytes, end } = await far.receive();
  assertEquals([bytes, end], [8 << 20, "eof"]);
  assertEquals(await Promise.race([closing, sleep(200).then(() => "waiting")]), "waiting");
  await far.shutdown();
  assertEquals<unknown>(await closing, "closed");
}

async function closeUnread({ workerd, peer }: InsideContext): Promise<void> {
  const at = await peer.listen();
  await workerd.run(step("state.connection = await keepwire.connect({ port: arg })"), at.port);
  const far = await at.accept();
  const sending = far.send({ bytes: 32 << 20, seed: "unread" });
  await sleep(200);
  const closing = workerd.run(step(`
    state.connection.write(new Uint8Array(1 << 20));
    await state.connection.close();
    return await state.connection.closed.then(() => "well", String);`));
  const { bytes, end } = await far.receive();
  assertEquals([bytes, end], [1 << 20, "eof"]);
  assertEquals((await sending).end, "done");
  await far.shutdown();
  assertEquals<unknown>(await closing, "well");
}

async function closeTwice({ workerd, peer }: InsideContext): Promise<void> {
  const at = await peer.listen();
  const told = workerd.run(
    step(`
      const connection = await keepwire.connect({ port: arg });
      const waiting = connection.read(new Uint8Array(5));
      const closing = [connection.close(), connection.close()];
      const read = await waiting;
      await Promise.all(closing);
      await connection.close();
      connection.abort();
      return [
        read,
        await connection.read(new Uint8Array(5)),
        (await failure(connection.write(bytes("late")))).code,
        (await failure(() => connection.setKeepAlive(true))).code,
        (await failure(() => connection.setNoDelay())).code,
        await connection.closed.then(() => "well"),
      ];`),
    at.port,
  );
  const far = await at.accept();
  assertEquals(await far.waitForEnd(), "fin");
  await far.shutdown();
  assertEquals<unknown>(await told, [null, null, "EPIPE", "ENOTCONN", "ENOTCONN", "well"]);
}

async function closeTimesOut({ workerd, peer }: InsideContext): Promise<void> {
  const at = await peer.listen();
  const told = await workerd.run(
    step(`
      const connection = await keepwire.connect({ port: arg, closeTimeout: 500 });
      connection.write(new Uint8Array(${32 << 20})).catch(() => {});
      await sleep(200);
      const started = Date.now();
      const close = await failure(connection.close());
      const took = Date.now() - started;
      return { close, closed: await failure(connection.closed), took };`),
    at.port,
  ) as { close: ErrorFacts; closed: ErrorFacts; took: number };
  assertEquals([told.close.code, told.close.op], ["ETIMEDOUT", "close"]);
  assertEquals(told.closed, told.close);
  assert(told.took >= 450 && told.took < 3_000, `${told.took} ms`);
  // What workerd was given it does send.
  const far = await at.accept();
  const { bytes } = await far.receive();
  assert(bytes < 16 << 20, `${bytes} bytes came`);
}

async function abort({ workerd, peer }: InsideContext): Promise<void> {
  const at = await peer.listen();
  const told = await workerd.run(
    step(`
      const connection = await keepwire.connect({ port: arg });
      const waiting = [
        connection.read(new Uint8Array(5)),
        connection.write(new Uint8Array(${32 << 20})),
        connection.write(bytes("dropped")),
        connection.closeWrite(),
        connection.closed,
      ].map((promise) => promise.catch((error) => error));
      await sleep(300);
      const reason = new Error("enough");
      connection.abort(reason);
      const errors = await Promise.all(waiting);
      return {
        same: errors.every((error) => error === errors[0]),
        cause: errors[0].cause === reason,
        error: facts(errors[0]),
        later: (await failure(connection.write(bytes("late")))).code,
      };`),
    at.port,
  ) as { same: boolean; cause: boolean; error: ErrorFacts; later: string };
  assertEquals([told.same, told.cause, told.error.code, told.error.op, told.later], [
    true,
    true,
    "ECONNABORTED",
    "abort",
    "ECONNABORTED",
  ]);
  const far = await at.accept();
  const { bytes } = await far.receive();
  assert(bytes < 16 << 20, `${bytes} bytes came`);
}

async function disposes({ workerd, peer }: InsideContext): Promise<void> {
  const at = await peer.listen();
  const done = workerd.run(
    step(`
      const connection = await keepwire.connect({ port: arg });
      await connection[Symbol.asyncDispose]();
      return "done";`),
    at.port,
  );
  const far = await at.accept();
  assertEquals(await far.waitForEnd(), "fin");
  await far.shutdown();
  assertEquals<unknown>(await done, "done");
}

async function refused({ workerd, peer }: InsideContext): Promise<void> {
  const port = await peer.freePort();
  const error = await workerd.run<unknown, ErrorFacts>(
    step("return await failure(keepwire.connect({ port: arg }))"),
    port,
  );
  assertEquals(error, {
    classes: ["SocketError", "TypeError", "Error", "Object"],
    message: `Cannot connect to 127.0.0.1:${port}: workerd does not say why (EIO)`,
    code: "EIO",
    op: "connect",
    remoteAddress: { transport: "tcp", hostname: "127.0.0.1", port },
    cause: "proxy request failed, cannot connect to the specified address",
  });
}

async function noName({ workerd }: InsideContext): Promise<void> {
  for (const hostname of ["no name", "x".repeat(300)]) {
    const error = await workerd.run<unknown, ErrorFacts>(
      step("return await failure(keepwire.connect({ hostname: arg, port: 9 }))"),
      hostname,
    );
    assertEquals([error.code, error.op], ["ENOTFOUND", "connect"]);
    assertMatch(error.cause!, /^Specified address is empty string, contains unsupported characters/);
  }
}

async function timesOut({ workerd, peer }: InsideContext): Promise<void> {
  const at = await peer.listenFull({ autoAccept: false });
  const told = await workerd.run(
    step(`
      const started = Date.now();
      const error = await failure(keepwire.connect({ port: arg, timeout: 300 }));
      return { error, took: Date.now() - started };`),
    at.port,
  ) as { error: ErrorFacts; took: number };
  assertEquals([told.error.code, told.error.op, told.error.remoteAddress], [
    "ETIMEDOUT",
    "connect",
    at.address,
  ]);
  assert(told.took >= 290 && told.took < 2_000, `${told.took} ms`);
  await closedWhenItComes(at);
}

async function signalled({ workerd, peer }: InsideContext): Promise<void> {
  const at = await peer.listenFull({ autoAccept: false });
  const told = await workerd.run(
    step(`
      const reason = { mine: true };
      const before = await keepwire.connect({ port: arg, signal: AbortSignal.abort(reason) }).catch((error) => error);
      const controller = new AbortController();
      const opening = keepwire.connect({ port: arg, signal: controller.signal }).catch((error) => error);
      await sleep(200);
      controller.abort(reason);
      return [before === reason, await opening === reason];`),
    at.port,
  );
  assertEquals<unknown>(told, [true, true]);
  await closedWhenItComes(at);
}

/** workerd goes on connecting, and closes what comes. The first in the queue are those that filled it. */
async function closedWhenItComes(at: PeerListener): Promise<void> {
  for (let count = 0; count < 8; count++) {
    const far = await at.accept(15_000);
    if (await far.waitForEnd(500) === "fin") return;
  }
  throw new Error("nothing came that was closed");
}
