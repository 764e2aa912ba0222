/** The library inside workerd: TLS as the client, from the start and later, and what is refused of it. */
import type { AddressInfo, Socket } from "node:net";
import { connect, createServer, type Server } from "node:net";
import { TLSSocket } from "node:tls";
import { Buffer } from "node:buffer";
import { assert, assertEquals } from "@std/assert";
import { certificates } from "../kit/certificates.ts";
import { type ErrorFacts, insideCases, type InsideContext, step } from "./library.ts";

const { authority, good: { cert, key } } = certificates();
const trusting = { trustedCertificates: [authority.cert] };

const REFUSED: [option: string, tls: string, reason: string][] = [
  [
    "caCerts",
    "{ caCerts: [arg.cert] }",
    "workerd has no way for caCerts: trust is a part of workerd's configuration",
  ],
  ["alpnProtocols", '{ alpnProtocols: ["h2"] }', "workerd has no way for alpnProtocols: it offers none"],
  [
    "serverName",
    '{ serverName: "example.org" }',
    "workerd has no way for serverName: use the name as the hostname",
  ],
  ["cert and key", "{ cert: arg.cert, key: arg.key }", "a client certificate is not possible on workerd"],
];

insideCases("workerd TLS", [
  { name: "bytes both ways, and close_notify is an orderly end", run: roundTrip, options: trusting },
  { name: "an IP address", run: byAddress, options: trusting },
  { name: "startTls: the same connection, plain before and TLS behind", run: upgrades, options: trusting },
  { name: "8 MiB both ways after startTls", run: bulk, options: trusting },
  { name: "an unknown authority: EIO, and not one byte of ours", run: untrusted },
  { name: "another name: EIO", run: wrongName, options: trusting },
  { name: "a server without TLS: EIO", run: noTls, options: trusting },
  { name: "a server that says nothing: ETIMEDOUT", run: silent, options: trusting },
  {
    name: "an RST, and a FIN without close_notify unless behind startTls: ECONNRESET",
    run: truncated,
    options: trusting,
  },
  { name: "close() where the peer answers with a FIN alone", run: bareAnswer, options: trusting },
  { name: "startTls where it is not due", run: notDue, options: trusting },
  ...REFUSED.map(([option, tls, reason]) => ({
    name: `${option} is refused before anything is opened`,
    run: (context: InsideContext) => refuses(context, tls, reason),
  })),
]);

/** What a server saw of one client. */
interface Seen {
  plain: string;
  received: number;
  text: string;
  events: string[];
  raw?: Socket;
  tls?: TLSSocket;
}

/** How a server behaves. */
interface Behaviour {
  /** Speaks plainly until the client has sent this. */
  plainUntil?: string;
  /** Where it listens; its certificate is for 127.0.0.1. */
  host?: string;
  onSecure?(seen: Seen): void;
  onData?(seen: Seen, data: Uint8Array): void;
}

/** A server with TLS on loopback, closed after the case. */
async function serve({ defer }: InsideContext, behaviour: Behaviour): Promise<{ port: number; seen: Seen }> {
  const seen: Seen = { plain: "", received: 0, text: "", events: [] };
  const secure = (raw: Socket) => {
    const socket = seen.tls = new TLSSocket(raw, { isServer: true, cert, key });
    socket.on("error", () => seen.events.push("error"));
    socket.on("secure", () => {
      seen.events.push("secure");
      behaviour.onSecure?.(seen);
    });
    socket.on("data", (data) => {
      seen.received += data.length;
      seen.text = (seen.text + data.toString("latin1")).slice(0, 100);
      behaviour.onData?.(seen, data);
    });
    socket.on("end", () => seen.events.push("end"));
  };
  const all: Socket[] = [];
  const server = createServer({ allowHalfOpen: true }, (raw) => {
    all.push(seen.raw = raw);
    raw.on("error", () => {});
    if (behaviour.plainUntil === undefined) return secure(raw);
    raw.write("ready");
    raw.once("data", (data: Uint8Array) => {
      raw.pause();
      seen.plain += Buffer.from(data).toString("latin1");
      raw.write("go", () => secure(raw));
    });
  });
  defer(() => {
    for (const raw of all) raw.destroy();
    server.close();
  });
  return { port: await listening(server, behaviour.host), seen };
}

async function listening(server: Server, host = "127.0.0.1"): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  return (server.address() as AddressInfo).port; // it listens on a port
}

/** Passes bytes on to `port`, and ends the client's side as `end` does: TLS knows nothing of it. */
async function relay(
  { defer }: InsideContext,
  port: number,
  end: (client: Socket, far: Socket) => void,
): Promise<number> {
  const open: Socket[] = [];
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const far = connect({ host: "127.0.0.1", port, allowHalfOpen: true });
    open.push(client, far);
    for (const socket of [client, far]) socket.on("error", () => {});
    client.on("data", (data) => far.write(data));
    far.on("data", (data) => client.write(data));
    end(client, far);
  });
  defer(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  return await listening(server);
}

async function roundTrip(context: InsideContext): Promise<void> {
  const { port, seen } = await serve(context, {
    onData: ({ tls }) => tls!.end("world"),
  });
  const told = await context.workerd.run(
    step(`
      const connection = await keepwire.connect({ hostname: "localhost", port: arg, tls: true });
      const { tls } = connection;
      await connection.write(bytes("hello"));
      const text = await readText(connection);
      const end = await connection.read(new Uint8Array(5));
      await connection.closed;
      return [tls, text, end, connection.getKeepAlive === undefined];`),
    port,
  );
  assertEquals<unknown>(told, [{}, "world", null, false]);
  assertEquals([seen.text, seen.events.slice(0, 2)], ["hello", ["secure", "end"]]);
}

async function byAddress(context: InsideContext): Promise<void> {
  const { port } = await serve(context, { onData: ({ tls }) => tls!.end("world") });
  const told = await context.workerd.run(
    step(`
      const connection = await keepwire.connect({ port: arg, tls: {} });
      await connection.write(bytes("hello"));
      const text = await readText(connection);
      await connection.close();
      return text;`),
    port,
  );
  assertEquals<unknown>(told, "world");
}

async function upgrades(context: InsideContext): Promise<void> {
  const { port, seen } = await serve(context, {
    plainUntil: "STARTTLS",
    onData: ({ tls }) => tls!.end("secret answer"),
  });
  const told = await context.workerd.run(
    step(`
      const connection = await keepwire.connect({ hostname: "localhost", port: arg, tls: "starttls" });
      const greeting = await readText(connection);
      await connection.write(bytes("STARTTLS"));
      const go = await readText(connection);
      const before = connection.tls;
      const starting = connection.startTls({ timeout: 5_000 });
      const writing = connection.write(bytes("secret"));
      const same = await starting === connection;
      await writing;
      const answer = await readText(connection);
      await connection.closed;
      return [greeting, go, before === undefined, same, answer, connection.tls];`),
    port,
  );
  assertEquals<unknown>(told, ["ready", "go", true, true, "secret answer", {}]);
  assertEquals([seen.plain, seen.text], ["STARTTLS", "secret"]);
}

async function bulk(context: InsideContext): Promise<void> {
  const { port, seen } = await serve(context, {
    plainUntil: "go",
    onData: ({ tls }, data) => void tls!.write(data),
  });
  const told = await context.workerd.run(
    step(`
      const connection = await keepwire.connect({ hostname: "localhost", port: arg.port, tls: "starttls" });
      await readText(connection);
      await connection.write(bytes("go"));
      await readText(connection);
      await connection.startTls();
      const [sent, came] = [sha(), sha()];
      const write = async () => {
        const data = crypto.getRandomValues(new Uint8Array(65_536));
        for (let left = arg.bytes; left > 0; left -= data.length) {
          await sent.update(data);
          await connection.write(data);
        }
      };
      const read = async () => {
        const memory = new Uint8Array(100_000);
        for (let left = arg.bytes; left > 0;) {
          const count = await connection.read(memory);
          await came.update(memory.subarray(0, count));
          left -= count;
        }
      };
      await Promise.all([write(), read()]);
      connection.abort();
      return await sent.digest() === await came.digest();`),
    { port, bytes: 8 << 20 },
    60_000,
  );
  assertEquals<unknown>(told, true);
  assertEquals(seen.received, 8 << 20);
}

async function fails(
  context: InsideContext,
  behaviour: Behaviour,
  options: string,
): Promise<[ErrorFacts, Seen]> {
  const { port, seen } = await serve(context, behaviour);
  const error = await context.workerd.run<unknown, ErrorFacts>(
    step(`
      const opening = keepwire.connect({ port: arg, ${options} });
      opening.then((connection) => connection.write(bytes("secret")), () => {});
      return await failure(opening);`),
    port,
  );
  assertEquals([seen.received, seen.events.includes("secure")], [0, false]);
  return [error, seen];
}

function checkUnexplained(error: ErrorFacts): void {
  assertEquals([error.classes[0], error.code, error.op], ["SocketError", "EIO", "connect"]);
  assert(error.message.endsWith(": workerd does not say why (EIO)"), error.message);
}

async function untrusted(context: InsideContext): Promise<void> {
  const [error] = await fails(context, {}, 'hostname: "localhost", tls: true');
  checkUnexplained(error);
}

async function wrongName(context: InsideContext): Promise<void> {
  const [error, { raw }] = await fails(context, { host: "127.0.0.2" }, 'hostname: "127.0.0.2", tls: true');
  checkUnexplained(error);
  assert(raw, "nobody came");
}

async function noTls(context: InsideContext): Promise<void> {
  const { port } = await serve(context, { plainUntil: "never" });
  const error = await context.workerd.run<unknown, ErrorFacts>(
    step('return await failure(keepwire.connect({ hostname: "localhost", port: arg, tls: true }))'),
    port,
  );
  checkUnexplained(error);
}

async function silent(context: InsideContext): Promise<void> {
  const at = await context.peer.listen();
  const told = await context.workerd.run(
    step(`
      const options = { hostname: "localhost", port: arg };
      const reason = { mine: true };
      const controller = new AbortController();
      const plain = await keepwire.connect({ ...options, tls: "starttls" });
      const starting = plain.startTls({ signal: controller.signal }).catch((error) => error);
      const error = await failure(keepwire.connect({ ...options, tls: true, timeout: 300 }));
      controller.abort(reason);
      return { error, signalled: await starting === reason, closed: (await failure(plain.closed)).code };`),
    at.port,
  ) as { error: ErrorFacts; signalled: boolean; closed: string };
  assertEquals([told.error.code, told.error.op], ["ETIMEDOUT", "connect"]);
  assertEquals([told.signalled, told.closed], [true, "ECONNABORTED"]);
  // workerd lets go of a handshake only when it has ended.
  for (const far of [await at.accept(), await at.accept()]) await far.reset();
}

async function truncated(context: InsideContext): Promise<void> {
  for (
    const [tls, end, read, closed] of [
      ["true", "fin", "ECONNRESET", "ECONNRESET"],
      ["true", "rst", "ECONNRESET", "ECONNRESET"],
      ['"starttls"', "fin", null, null],
      ['"starttls"', "rst", "ECONNRESET", "ECONNRESET"],
    ]
  ) {
    let client: Socket | undefined;
    const { port } = await serve(context, {
      onData: ({ tls }) => {
        tls!.write("half");
        setTimeout(() => end === "fin" ? client!.end() : client!.resetAndDestroy(), 200);
      },
    });
    const told = await context.workerd.run(
      step(`
        const connection = await keepwire.connect({ hostname: "localhost", port: arg, tls: ${tls} });
        if (!connection.tls) await connection.startTls();
        await connection.write(bytes("hello"));
        const text = await readText(connection);
        const read = await failure(connection.read(new Uint8Array(5)));
        return [text, read?.code ?? null, (await failure(connection.closed))?.code ?? null];`),
      await relay(context, port, (socket) => client = socket),
    );
    assertEquals<unknown>(told, ["half", read, closed], `${tls} ${end}`);
  }
}

async function bareAnswer(context: InsideContext): Promise<void> {
  const { port, seen } = await serve(context, {});
  const told = await context.workerd.run(
    step(`
      const connection = await keepwire.connect({ hostname: "localhost", port: arg, tls: true });
      await connection.write(bytes("hello"));
      await connection.close();
      return await connection.closed.then(() => "well", (error) => error.code);`),
    await relay(context, port, (client) => client.on("end", () => setTimeout(() => client.end(), 100))),
  );
  assertEquals<unknown>(told, "well");
  assertEquals(seen.text, "hello");
}

async function notDue(context: InsideContext): Promise<void> {
  const { port } = await serve(context, { onData: ({ tls }) => tls!.end("world") });
  const told = await context.workerd.run(
    step(`
      const options = { hostname: "localhost", port: arg };
      const codes = [];
      const plain = await keepwire.connect(options);
      codes.push((await failure(plain.startTls())).code);
      plain.abort();
      const secure = await keepwire.connect({ ...options, tls: true });
      codes.push((await failure(secure.startTls())).code);
      const waiting = await keepwire.connect({ ...options, tls: "starttls" });
      const read = waiting.read(new Uint8Array(5)).catch(() => {});
      codes.push((await failure(waiting.startTls())).code);
      codes.push((await failure(waiting.startTls({ alpnProtocols: ["h2"] }))).code);
      waiting.abort();
      await read;
      secure.abort();
      return codes;`),
    port,
  );
  assertEquals<unknown>(told, ["ENOTSUP", "ENOTSUP", "EBUSY", "EBUSY"]);
}

async function refuses({ workerd, peer }: InsideContext, tls: string, reason: string): Promise<void> {
  const { port } = await peer.listen();
  const error = await workerd.run<unknown, ErrorFacts>(
    step(`return await failure(keepwire.connect({ hostname: "localhost", port: arg.port, tls: ${tls} }))`),
    { port, cert, key },
  );
  assertEquals([error.classes[0], error.code, error.op], ["SocketError", "ENOTSUP", "connect"]);
  assert(error.message.includes(reason), error.message);
  assertEquals(await peer.accepted(), 0);
}
