/** The library inside workerd: what it says of itself, what it refuses, and what the kernel holds. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { connect, listen } from "../../mod.ts";
import { type ErrorFacts, insideCases, type InsideContext, step } from "./library.ts";

const HINT =
  "workerd gives no way to socket options; leave keepAlive out, and send heartbeats in your protocol";
const NONE = { set: "none", get: "none", hint: HINT };
const OPTIONS = ["SO_KEEPALIVE", "TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT", "TCP_USER_TIMEOUT"];
const UNSUPPORTED = ["UnsupportedOptionError", "SocketError", "TypeError", "Error", "Object"];

const REFUSED: [keepAlive: Record<string, unknown>, options: string[]][] = [
  [{ idle: 30_000 }, ["TCP_KEEPIDLE"]],
  [{ interval: 5_000, count: 3 }, ["TCP_KEEPINTVL", "TCP_KEEPCNT"]],
  [{ userTimeout: 0 }, ["TCP_USER_TIMEOUT"]],
  [{ enabled: false, idle: 1 }, ["TCP_KEEPIDLE"]],
];

const NOT_HERE: [what: string, options: string, reason: string][] = [
  ["path", '{ path: "/tmp/nowhere.sock" }', "workerd connects to TCP only; use hostname and port"],
  ["noDelay: false", "{ port: arg, noDelay: false }", "workerd keeps TCP_NODELAY on; leave noDelay out"],
];

/** As source: JSON has no word for most of them. */
const BAD = [
  "undefined",
  "null",
  "5",
  "{}",
  "{ port: 0 }",
  "{ port: 65536 }",
  "{ port: NaN }",
  '{ port: "80" }',
  "{ port: 80, hostname: 5 }",
  '{ port: 80, hostname: "" }',
  '{ port: 80, path: "/x" }',
  "{ port: 80, keepAlive: 1 }",
  "{ port: 80, keepAlive: { idle: 0 } }",
  "{ port: 80, keepAlive: { idle: -1 } }",
  "{ port: 80, keepAlive: { count: 1.5 } }",
  "{ port: 80, keepAlive: { count: 128 } }",
  "{ port: 80, keepAlive: { userTimeout: Infinity } }",
  "{ port: 80, keepAlive: { delay: 5 } }",
  "{ port: 80, readAhead: 0 }",
  "{ port: 80, closeTimeout: -1 }",
  "{ port: 80, timeout: 0 }",
  "{ port: 80, signal: {} }",
  "{ port: 80, keepalive: true }",
  "{ port: 80, backlog: 5 }",
];

insideCases("workerd says", [
  { name: "what it can do: the main entry picks its adapter", run: tellsCapabilities },
  { name: "an adapter runs on its own runtime only", run: refusesOthers },
  {
    name: "what it needs, without nodejs_compat",
    run: needsCompatibility,
    options: { compatibilityDate: "2026-06-01" },
  },
]);

insideCases("workerd keepalive", [
  { name: "defaults, true and false touch nothing, and say so", run: touchesNothing },
  ...REFUSED.map(([keepAlive, options]) => ({
    name: `${JSON.stringify(keepAlive)} is refused before anything is opened`,
    run: (context: InsideContext) => refuses(context, keepAlive, options),
  })),
  { name: 'with "report" explicit values stand in notApplied', run: reports },
  { name: "null leaves what is there", run: leavesAlone },
  { name: "a socket of cloudflare:sockets, and what is none", run: foreign },
]);

insideCases("workerd refuses", [
  ...NOT_HERE.map(([name, options, reason]) => ({
    name,
    run: (context: InsideContext) => refusesWith(context, options, reason),
  })),
  { name: "listen", run: refusesListen },
  { name: "setNoDelay(false), and takes setNoDelay(true)", run: refusesNagle },
  { name: "bad input, with the words of the other runtimes", run: refusesBadInput },
]);

async function tellsCapabilities({ workerd }: InsideContext): Promise<void> {
  const told = await workerd.run(step("return keepwire.capabilities()"));
  assertEquals<unknown>(told, {
    runtime: "workerd",
    version: "",
    os: "linux",
    routes: Object.fromEntries(OPTIONS.map((name) => [name, NONE])),
    readBack: false,
    tcpInfo: { get: "none", hint: HINT },
    noticesDeath: "whileReadAheadHasRoom",
    reset: false,
    tls: {
      client: true,
      server: false,
      clientCert: "never",
      requestCert: false,
      info: false,
      truncation: false,
    },
  });
  assertEquals(await workerd.run(step("return modules.workerd.capabilities()")), told);
}

async function refusesOthers({ workerd }: InsideContext): Promise<void> {
  const names = { node: "Node", bun: "Bun" };
  for (const [adapter, name] of Object.entries(names)) {
    const error = await workerd.run<unknown, ErrorFacts>(
      step(`return await failure(modules.${adapter}.connect({ port: 9 }))`),
    );
    assertEquals(error.message, `The ${name} adapter of keepwire runs on ${name} only`);
  }
  const { connect } = await import("../../adapters/workerd/mod.ts");
  const here = await connect({ port: 9 }).catch((error) => error);
  assertEquals(String(here), "TypeError: The workerd adapter of keepwire runs on workerd only");
}

async function needsCompatibility({ workerd }: InsideContext): Promise<void> {
  const error = await workerd.run<unknown, ErrorFacts>(
    step("return await failure(keepwire.connect({ port: 9 }))"),
  );
  assertEquals(error.classes[0], "TypeError");
  assertMatch(error.message, /^keepwire needs the compatibility flag nodejs_compat/);
}

async function touchesNothing({ workerd, peer, oracle }: InsideContext): Promise<void> {
  const at = await peer.listen();
  const before = await oracle.of(peer.pid).readListener(at.address);
  for (
    const [keepAlive, notApplied] of [
      [undefined, OPTIONS.slice(0, 4)],
      [true, OPTIONS.slice(0, 4)],
      [{}, OPTIONS.slice(0, 4)],
      [false, ["SO_KEEPALIVE"]],
    ] as const
  ) {
    const told = await workerd.run(
      step(`
        const { port, keepAlive } = arg;
        const connection = state.connection = await keepwire.connect({ port, keepAlive });
        return {
          first: connection.getKeepAlive(),
          again: keepAlive === undefined ? undefined : keepwire.setKeepAlive(connection, keepAlive),
          info: connection.info() === undefined && keepwire.tcpInfo(connection) === undefined,
        }`),
      { port: at.port, keepAlive },
    ) as Record<string, unknown>;
    const status = { enabled: false, source: "requested", route: "none", notApplied, detectsWithin: {} };
    assertEquals<unknown>(told.first, status);
    if (keepAlive !== undefined) assertEquals<unknown>(told.again, status);
    assert(told.info);
    const far = await at.accept();
    const held = await oracle.of(workerd.pid).read(far.remote, far.local);
    assertEquals(
      [held.keepalive, held.keepidle, held.keepintvl, held.keepcnt, held.usertimeout],
      [false, before.keepidle, before.keepintvl, before.keepcnt, before.usertimeout],
    );
    await far.shutdown();
    await workerd.run(step("await state.connection.close()"));
  }
}

async function refuses(
  { workerd, peer }: InsideContext,
  keepAlive: Record<string, unknown>,
  options: string[],
): Promise<void> {
  const { port, address } = await peer.listen();
  const error = await workerd.run<unknown, ErrorFacts>(
    step("return await failure(keepwire.connect(arg))"),
    { port, keepAlive },
  );
  assertEquals(error, {
    classes: UNSUPPORTED,
    message: `Cannot set ${options.join(", ")} on workerd: ${HINT}`,
    code: "ENOTSUP",
    op: "connect",
    remoteAddress: address,
    options,
    hint: HINT,
  });
  assertEquals(await peer.accepted(), 0);
  // On a connection that is open the same, and it lives on.
  const later = await workerd.run<unknown, ErrorFacts>(
    step(`
      const connection = await keepwire.connect({ port: arg.port });
      const error = await failure(() => connection.setKeepAlive(arg.keepAlive));
      await connection.write(bytes("still here"));
      connection.abort();
      return error;`),
    { port, keepAlive },
  );
  assertEquals([later.options, later.op], [options, "setKeepAlive"]);
}

async function reports({ workerd, peer }: InsideContext): Promise<void> {
  const { port } = await peer.listen();
  const keepAlive = { idle: 1_000, userTimeout: 5_000, unsupported: "report" };
  const told = await workerd.run(
    step(`
      const connection = await keepwire.connect(arg);
      const { notApplied } = connection.getKeepAlive();
      connection.abort();
      return notApplied;`),
    { port, keepAlive },
  );
  assertEquals<unknown>(told, OPTIONS);
}

async function leavesAlone({ workerd, peer }: InsideContext): Promise<void> {
  const { port } = await peer.listen();
  const keepAlive = { idle: null, interval: null, count: null, userTimeout: null };
  const told = await workerd.run(
    step(`
      const connection = await keepwire.connect(arg);
      const { notApplied } = connection.getKeepAlive();
      connection.abort();
      return notApplied;`),
    { port, keepAlive },
  );
  assertEquals<unknown>(told, ["SO_KEEPALIVE"]);
}

async function foreign({ workerd, peer }: InsideContext): Promise<void> {
  const { port } = await peer.listen();
  const told = await workerd.run(
    step(`
      const socket = process.getBuiltinModule("cloudflare:sockets").connect({ hostname: "127.0.0.1", port: arg });
      await socket.opened;
      const told = {
        unread: await failure(() => keepwire.getKeepAlive(socket)),
        set: keepwire.setKeepAlive(socket, true),
        read: keepwire.getKeepAlive(socket),
        refused: await failure(() => keepwire.setKeepAlive(socket, { idle: 1_000 })),
        none: await failure(() => keepwire.setKeepAlive({}, true)),
      };
      await socket.close();
      return told;`),
    port,
  ) as Record<string, ErrorFacts & { notApplied: string[] }>;
  assertEquals([told.unread.code, told.unread.options], ["ENOTSUP", OPTIONS]);
  assertEquals(told.set.notApplied, OPTIONS.slice(0, 4));
  assertEquals(told.read, told.set);
  assertEquals(told.refused.options, ["TCP_KEEPIDLE"]);
  assertEquals(told.none.classes[0], "TypeError");
}

async function refusesWith(
  { workerd, peer }: InsideContext,
  options: string,
  reason: string,
): Promise<void> {
  const { port } = await peer.listen();
  const error = await workerd.run<unknown, ErrorFacts>(
    step(`return await failure(keepwire.connect(${options}))`),
    port,
  );
  assertEquals([error.classes[0], error.code, error.op], ["SocketError", "ENOTSUP", "connect"]);
  assert(error.message.endsWith(`: ${reason} (ENOTSUP)`), error.message);
  assertEquals(await peer.accepted(), 0);
}

async function refusesListen({ workerd }: InsideContext): Promise<void> {
  const error = await workerd.run<unknown, ErrorFacts>(
    step("return await failure(keepwire.listen({ port: 0 }))"),
  );
  assertEquals([error.classes[0], error.code, error.op], ["SocketError", "ENOTSUP", "listen"]);
  assertMatch(error.message, /^Cannot listen on 0\.0\.0\.0:0: a Worker cannot listen/);
}

async function refusesNagle({ workerd, peer, oracle }: InsideContext): Promise<void> {
  const at = await peer.listen();
  const error = await workerd.run<unknown, ErrorFacts>(
    step(`
      const connection = state.connection = await keepwire.connect({ port: arg });
      connection.setNoDelay();
      connection.setNoDelay(true);
      return await failure(() => connection.setNoDelay(false));`),
    at.port,
  );
  assertEquals([error.code, error.op], ["ENOTSUP", "setNoDelay"]);
  const far = await at.accept();
  assertEquals((await oracle.of(workerd.pid).read(far.remote, far.local)).nodelay, true);
  await workerd.run(step("state.connection.abort()"));
}

async function refusesBadInput({ workerd, peer }: InsideContext): Promise<void> {
  const here: unknown[] = [];
  const there = await workerd.run<unknown, unknown[]>(step(`
    const told = [];
    for (const options of [${BAD.join(", ")}]) {
      for (const open of [keepwire.connect, keepwire.listen]) {
        const { classes, message } = (await failure(open(options))) ?? {};
        told.push([classes?.[0], message]);
      }
    }
    return told;`));
  for (const text of BAD) {
    const options = new Function(`return (${text})`)();
    for (const open of [connect, listen]) {
      const error = await open(options).then(async (opened) => void await opened.close(), (error) => error);
      here.push([error?.constructor.name, error?.message]);
    }
  }
  BAD.forEach((text, index) => {
    const [connecting, listening] = here.slice(2 * index, 2 * index + 2) as [string, string][];
    assertEquals<unknown>(there[2 * index], connecting, `connect(${text})`);
    // What is fine elsewhere is refused for another reason.
    if (listening[0]) assertEquals<unknown>(there[2 * index + 1], listening, `listen(${text})`);
  });
  assertEquals(await peer.accepted(), 0);
}
