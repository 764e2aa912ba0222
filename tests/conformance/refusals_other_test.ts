/**
 * Refusals besides those of values: what cannot be read, versions that are
 * refused as a whole, and that nothing is asked or printed on the way.
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import process from "node:process";
import { type Case, type CaseContext, cases } from "../kit/cases.ts";
import { ability, needsFfi, needsOpening, refusedAsAWhole } from "../kit/means.ts";
import { inLibraryUnits } from "../kit/oracle.ts";
import { runScript } from "../kit/driver.ts";
import { PLAIN_WAYS, type PlainWay } from "../kit/plain_ways.ts";
import { RemoteLibrary } from "../kit/remote_library.ts";
import { currentFlags, librarySpecifier } from "../kit/runtime.ts";
import { assertSocketError } from "../kit/socket_error.ts";
import {
  capabilities,
  connect,
  getKeepAlive,
  listen,
  setKeepAlive,
  tcpInfo,
  watchHealth,
} from "../../mod.ts";
import { HELP } from "./refusals.ts";

const EVERYTHING = ["SO_KEEPALIVE", "TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT", "TCP_USER_TIMEOUT"];
const FOUR = { idle: 10_000, interval: 5_000, count: 3, userTimeout: 20_000 };

/** Without a way to the kernel nobody knows what a socket holds, unless keepwire has set it. */
async function reading(way: PlainWay, { defer, oracle, peer }: CaseContext): Promise<void> {
  const { port } = await peer.listen();
  const plain = await way.connect({ hostname: "127.0.0.1", port });
  defer(() => plain.close());
  const held = inLibraryUnits(await oracle.read(plain.localAddress, plain.remoteAddress));
  if (capabilities().readBack) {
    const { detectsWithin: _, ...status } = getKeepAlive(plain.socket);
    assertEquals(status, { ...held, source: "kernel", route: "ffi", notApplied: [] });
    assertEquals(tcpInfo(plain.socket)?.state, "ESTABLISHED");
    return;
  }
  const { get, hint = "" } = capabilities().tcpInfo;
  assertEquals([tcpInfo(plain.socket), get], [undefined, "none"]);
  assert(HELP.test(hint), hint);
  const unread = { code: "ENOTSUP", op: "watchHealth", options: ["TCP_INFO"], hint: HELP } as const;
  const { message } = await assertSocketError(() => watchHealth([]), unread);
  assert(/^Cannot read TCP_INFO on (node|deno|bun) /.test(message), message);
  const expected = { code: "ENOTSUP", op: "getKeepAlive", options: EVERYTHING, hint: HELP };
  await assertSocketError(() => getKeepAlive(plain.socket), expected);
  // What was refused is not known either.
  await assertSocketError(() => setKeepAlive(plain.socket, FOUR), { code: "ENOTSUP", op: "setKeepAlive" });
  await assertSocketError(() => getKeepAlive(plain.socket), expected);
  const status = setKeepAlive(plain.socket, true);
  assertEquals(getKeepAlive(plain.socket), status);
  assertEquals([status.enabled, status.source], [true, "requested"]);
}

/** What the table says of this version is what happens. */
async function opening({ oracle, peer }: CaseContext): Promise<void> {
  const reason = refusedAsAWhole();
  const remote = await peer.listen();
  const port = await peer.freePort();
  if (reason === undefined) {
    await using listener = await listen({ hostname: "127.0.0.1", port });
    assertEquals((await oracle.readListener(listener.address)).state, "LISTEN");
    const connection = await connect({ port: remote.port });
    assertEquals((await oracle.read(connection.localAddress, connection.remoteAddress)).state, "ESTABLISHED");
    connection.abort();
    return;
  }
  const refused = { code: "ENOTSUP", cause: "none" } as const;
  for (const keepAlive of [undefined, false, FOUR, { ...FOUR, unsupported: "report" }] as const) {
    const error = await assertSocketError(connect({ port: remote.port, keepAlive }), {
      ...refused,
      op: "connect",
    });
    assert(error.message.includes(reason), error.message);
    await assertSocketError(listen({ hostname: "127.0.0.1", port, keepAlive }), { ...refused, op: "listen" });
  }
  assertEquals(await oracle.all(), [], "something was opened");
  await assertRejects(() => peer.connect({ port }), Error, "refused");
  // Whoever came before this one would have been counted before it.
  await peer.connect({ port: remote.port });
  await remote.accept();
  assertEquals(await remote.accepted(), 1, "the peer saw a connection");
}

/** Of `node:ffi`, which is not ours to switch off. */
const EXPERIMENTAL = /^\(node:\d+\) ExperimentalWarning: FFI is .*\n(\(Use `node --trace-warnings.*\n)?/m;

/** What the flags alone have the runtime print. */
async function printedByFlags(flags: string[]): Promise<string> {
  return withoutPid((await runScript({ text: "" }, { flags })).stderr);
}

function withoutPid(text: string): string {
  return text.replace(/^\(node:\d+\)/gm, "(node)");
}

/** The same means in a process of its own, which prints nothing but what it is asked for. */
async function quiet({ defer, peer }: CaseContext): Promise<void> {
  const { port } = await peer.listen();
  const flags = currentFlags();
  const library = new RemoteLibrary({ flags });
  defer(() => library.end().catch(() => {}));
  assertEquals(await library.ask("capabilities"), capabilities(), "the means are not the same");
  if (needsOpening().available) {
    const connection = await library.open("connect", { port });
    await library.setKeepAlive(connection, true);
    await library.getKeepAlive(connection);
    const listener = await library.open("listen", { hostname: "127.0.0.1", port: 0 });
    await library.ask("close", listener.number);
    await library.ask("abort", connection.number);
  }
  if (!needsFfi().available) {
    const refused = { code: "ENOTSUP", op: "connect", options: ["TCP_USER_TIMEOUT"], hint: HELP };
    await library.assertSocketError(["connect", { port, keepAlive: { userTimeout: 1 } }], refused);
  }
  const { stderr } = await library.end();
  const printed = withoutPid(needsFfi().available ? stderr.replace(EXPERIMENTAL, "") : stderr);
  assertEquals(printed, await printedByFlags(flags));
}

const ON_A_TERMINAL = `
const loaded = await import(process.argv[2]);
const { capabilities, connect, listen } = loaded.connect ? loaded : loaded.default;
const { routes } = capabilities();
const outcome = (opening) => opening.then((one) => (one.abort?.(), one.close()), () => {});
await outcome(connect({ hostname: "127.0.0.1", port: Number(process.argv[3]) }));
await outcome(connect({ port: Number(process.argv[3]), keepAlive: { userTimeout: 1 } }));
await outcome(listen({ hostname: "127.0.0.1", port: 0 }));
console.log(Object.values(routes).map(({ set }) => set).join());
process.exit();
`;

/** A permission that this process would have to ask for counts as none. */
async function asksNobody({ peer }: CaseContext): Promise<void> {
  const { port } = await peer.listen();
  const flags = currentFlags();
  const options = { flags, terminal: true, args: [librarySpecifier(), `${port}`], timeout: 10_000 };
  const text = `import process from "node:process";${ON_A_TERMINAL}`;
  const { stdout } = await runScript({ text }, options);
  const routes = Object.values(capabilities().routes).map(({ set }) => set).join();
  const printed = withoutPid(stdout.replaceAll("\r", "").replace(EXPERIMENTAL, ""));
  assertEquals(printed, `${await printedByFlags(flags)}${routes}\n`);
}

/** Whoever starts the suite may say what he has arranged: a package found by accident would go unnoticed. */
function promised(): void {
  const { KEEPWIRE_ABILITY = ability() } = process.env;
  assertEquals(ability(), KEEPWIRE_ABILITY, "what can be set here is not what was arranged");
}

cases("refusals", [
  { name: "what can be set is what was arranged", run: promised },
  { name: "connect and listen work, or are refused as a whole, as the table says", run: opening },
  { name: "nothing is printed", run: quiet },
  { name: "nobody is asked", run: asksNobody },
  ...PLAIN_WAYS.map((way): Case => ({
    name: `what a ${way.name} holds is read, or refused`,
    run: (context) => reading(way, context),
  })),
]);
