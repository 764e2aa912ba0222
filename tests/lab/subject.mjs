// The program under test: keepwire's connections in our host of the lab, on any runtime, asked by JSON lines.
//   subject.mjs LIBRARY
//   {"id": 1, "op": "connect", "options": {...}} -> {"id": 1, "ok": true, "connection": 1, ...}
// Byte number i of what is written is i % 251, counted per connection. It ends when its standard input does.
import process from "node:process";

const library = await import(process.argv[2]);

/** By number, from 1, in the order they were made. */
const connections = new Map();
let listener;

function say(message) {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

function unhandled(reason) {
  say({ event: "unhandled", at: Date.now(), text: String(reason?.stack ?? reason) });
}
// In Deno the web's event is the one that comes, elsewhere the process's.
if (globalThis.Deno) {
  for (const name of ["unhandledrejection", "error"]) {
    globalThis.addEventListener(name, (event) => {
      event.preventDefault();
      unhandled(event.reason ?? event.error);
    });
  }
} else {
  process.on("unhandledRejection", unhandled);
  process.on("uncaughtException", unhandled);
}

/** An error as plain data, with all that the orchestrator checks. */
function described(error) {
  const classes = [];
  for (let proto = error && Object.getPrototypeOf(error); proto; proto = Object.getPrototypeOf(proto)) {
    classes.push(proto.constructor.name);
  }
  const { name, message, code, op, localAddress, remoteAddress, cause } = error ?? {};
  const isError = cause instanceof Error;
  const native = cause === undefined
    ? undefined
    : { isError, code: cause?.code, message: String(cause?.message ?? cause) };
  return {
    classes,
    name,
    message,
    code,
    op,
    localAddress,
    remoteAddress,
    cause: native,
    text: String(error),
  };
}

/** Starts something and keeps how it ends: `{ at, value }` or `{ at, error }`. */
function kept(promise) {
  const keep = { settled: false, at: 0 };
  keep.promise = promise.then(
    (value) => Object.assign(keep, { settled: true, at: Date.now(), value }),
    (error) => Object.assign(keep, { settled: true, at: Date.now(), error, failed: true }),
  );
  return keep;
}

function adopt(connection, health) {
  const number = connections.size + 1;
  const entry = { connection, written: 0, received: 0, right: true, held: [] };
  connections.set(number, entry);
  entry.closed = kept(connection.closed);
  entry.closed.promise.then(({ at, error, failed }) => {
    say({
      event: "closed",
      connection: number,
      at,
      failed: failed === true,
      error: failed ? described(error) : undefined,
    });
  });
  if (health !== false && library.watchHealth) watch(number, connection, health);
  const { localAddress, remoteAddress } = connection;
  return { connection: number, at: Date.now(), localAddress, remoteAddress };
}

async function watch(number, connection, health) {
  try {
    for await (const event of library.watchHealth(connection, { interval: 250, ...health })) {
      const { connection: _, error, ...rest } = event;
      const code = error?.code;
      say({ ...rest, event: "health", type: event.type, connection: number, at: Date.now(), code });
    }
  } catch (error) {
    say({
      event: "health refused",
      connection: number,
      at: Date.now(),
      text: String(error),
      error: described(error),
    });
  }
}

function pattern(start, count) {
  return Uint8Array.from({ length: count }, (_, index) => (start + index) % 251);
}

/** Keeps count of what was read, and whether it is the right bytes. */
function note(entry, bytes) {
  for (let index = 0; index < bytes.length; index++) {
    if (bytes[index] !== (entry.received + index) % 251) entry.right = false;
  }
  entry.received += bytes.length;
}

/** Reads so many bytes, or to the end. */
async function readSome(entry, limit = Infinity) {
  const buffer = new Uint8Array(65_536);
  let count = 0;
  while (count < limit) {
    const got = await entry.connection.read(buffer.subarray(0, Math.min(buffer.length, limit - count)));
    if (got === null) return { count, ended: true };
    note(entry, buffer.subarray(0, got));
    count += got;
  }
  return { count, ended: false };
}

/** What was thrown; `undefined` says that nothing was. */
async function thrownBy(work) {
  try {
    await work();
  } catch (error) {
    return { error };
  }
}

/** A signal that aborts after so many milliseconds. */
function aborting({ abortAfter, ...options }) {
  return abortAfter === undefined ? options : { ...options, signal: AbortSignal.timeout(abortAfter) };
}

/** Many connections, of which only the death matters: `{ port, closed, connection }`. */
const crowd = [];

/**
 * How late the event loop was at most, in milliseconds, until it is asked: by
 * the clock, and of that by work of this process, for others may have the cores.
 */
function watchDelay() {
  const EVERY = 10;
  const work = () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1_000;
  };
  const delay = { byClock: 0, byWork: 0 };
  let [last, worked] = [performance.now(), work()];
  const look = () => {
    const [now, nowWorked] = [performance.now(), work()];
    const late = Math.max(0, now - last - EVERY);
    delay.byClock = Math.max(delay.byClock, late);
    delay.byWork = Math.max(delay.byWork, Math.min(late, nowWorked - worked));
    [last, worked] = [now, nowWorked];
  };
  const timer = setInterval(look, EVERY);
  return () => {
    clearInterval(timer);
    look();
    return delay;
  };
}

const ops = {
  /** Opens so many connections, a few at a time. */
  async crowd({ count, options }) {
    let left = count;
    const open = async () => {
      while (left-- > 0) {
        const connection = await library.connect(options);
        crowd.push({ port: connection.localAddress.port, closed: kept(connection.closed), connection });
      }
    };
    await Promise.all(Array.from({ length: 50 }, open));
    return { count: crowd.length };
  },
  /** Waits until all of the crowd are told; `at` by local port. */
  async crowdTold() {
    const delay = watchDelay();
    await Promise.all(crowd.map(({ closed }) => closed.promise));
    const told = crowd.map(({ port, closed }) => ({
      port,
      at: closed.at,
      code: closed.error?.code ?? String(closed.error),
    }));
    return { told, delay: delay() };
  },
  /** Resolves however it ends: `failed` says. */
  async connect({ options, health }) {
    const begun = Date.now();
    const dial = kept(library.connect(aborting(options)));
    await dial.promise;
    const { at, error, failed, value } = dial;
    if (failed) return { failed: true, begun, at, error: described(error) };
    return { ...adopt(value, health), failed: false, begun };
  },
  async listen({ options }) {
    listener = await library.listen(options);
    return { port: listener.address.port };
  },
  async accept({ health }) {
    return adopt(await listener.accept(), health);
  },
  getKeepAlive: ({ connection }) => ({
    status: connections.get(connection).connection.getKeepAlive(),
    at: Date.now(),
  }),
  setKeepAlive: ({ connection, options }) => ({
    status: connections.get(connection).connection.setKeepAlive(options),
  }),
  info: ({ connection }) => ({ info: connections.get(connection).connection.info?.() }),
  /** Resolves when the kernel has the bytes. */
  async write({ connection, bytes }) {
    const entry = connections.get(connection);
    const data = pattern(entry.written, bytes);
    entry.written += bytes;
    await entry.connection.write(data);
    return { at: Date.now() };
  },
  async read({ connection, bytes }) {
    const entry = connections.get(connection);
    return {
      ...await readSome(entry, bytes ?? undefined),
      received: entry.received,
      right: entry.right,
      at: Date.now(),
    };
  },
  /** Begins a read or a write that is to be pending when the connection dies. */
  hold({ connection, what, bytes = 1 }) {
    const entry = connections.get(connection);
    if (what === "read") {
      const buffer = new Uint8Array(bytes);
      const reading = entry.connection.read(buffer);
      entry.held.push(kept(reading.then((got) => got && note(entry, buffer.subarray(0, got)))));
    } else {
      const data = pattern(entry.written, bytes);
      entry.written += bytes;
      entry.held.push(kept(entry.connection.write(data)));
    }
    return { at: Date.now() };
  },
  async closeWrite({ connection }) {
    await connections.get(connection).connection.closeWrite();
    return { at: Date.now() };
  },
  async close({ connection }) {
    await connections.get(connection).connection.close();
    return { at: Date.now() };
  },
  abort({ connection }) {
    connections.get(connection).connection.abort();
    return { at: Date.now() };
  },
  /** All that has to hold once `closed` has rejected. `ended`: the peer's FIN had been read, so that reads give `null`. */
  async afterDeath({ connection, ended = false }) {
    const entry = connections.get(connection);
    const { error } = entry.closed;
    const wrong = [];
    const same = (what, thrown) => {
      if (thrown === undefined) wrong.push(`${what} does not fail`);
      else if (thrown.error !== error) {
        wrong.push(`${what} fails with another error: ${String(thrown.error)}`);
      }
    };
    const open = () => entry.connection;
    same("a write", await thrownBy(() => open().write(new Uint8Array(1))));
    const before = entry.received;
    const reading = await thrownBy(async () => {
      const { ended: gaveNull } = await readSome(entry);
      if (!gaveNull) wrong.push("reading ends in another way than by null");
    });
    const held = await Promise.all(entry.held.map(({ promise }) => promise));
    for (const one of held) {
      if (one.failed) same("what was pending", { error: one.error });
      else if (!ended && one.at > entry.closed.at) wrong.push("what was pending did not fail");
    }
    if (ended) {
      if (reading !== undefined) wrong.push(`a read after the peer's FIN fails: ${String(reading.error)}`);
    } else {
      same("reading to the end", reading);
      same("a second read", await thrownBy(() => open().read(new Uint8Array(1))));
    }
    const closing = await thrownBy(() => open().close());
    if (closing !== undefined) wrong.push(`close() of what is dead fails: ${String(closing.error)}`);
    return { wrong, drained: entry.received - before, received: entry.received, right: entry.right };
  },
  end() {
    setTimeout(() => process.exit(0), 10);
    return {};
  },
};

async function answer({ id, op, ...request }) {
  try {
    say({ id, ok: true, ...await ops[op](request) });
  } catch (error) {
    say({ id, ok: false, message: `${op}: ${error?.stack ?? error}`, error: described(error) });
  }
}

let rest = "";
process.stdin.setEncoding("utf8");
process.stdin.on("data", (text) => {
  const lines = (rest + text).split("\n");
  rest = lines.pop();
  for (const line of lines) answer(JSON.parse(line));
});
process.stdin.on("end", () => process.exit(0));
say({ event: "ready", version: library.capabilities().version });
