/**
 * All or nothing: where one option fails, the socket is as it was. The option
 * is made to fail in the kernel (seccomp), in a process of its own.
 */
import { assert, assertEquals } from "@std/assert";
import { type Case, type CaseContext, cases } from "../kit/cases.ts";
import { needsFfi, needsOpening } from "../kit/means.ts";
import type { HeldSocket } from "../kit/oracle.ts";
import type { PeerListener } from "../kit/peer.ts";
import { RemoteLibrary } from "../kit/remote_library.ts";
import { eventually } from "../kit/time.ts";
import type { KeepAlive, KernelName } from "../../mod.ts";

type Held = Pick<HeldSocket, "keepalive" | "keepidle" | "keepintvl" | "keepcnt" | "usertimeout">;

const OPTIONS: { name: KernelName; field: keyof Held }[] = [
  { name: "SO_KEEPALIVE", field: "keepalive" },
  { name: "TCP_KEEPIDLE", field: "keepidle" },
  { name: "TCP_KEEPINTVL", field: "keepintvl" },
  { name: "TCP_KEEPCNT", field: "keepcnt" },
  { name: "TCP_USER_TIMEOUT", field: "usertimeout" },
];

const ASKED: KeepAlive = { idle: 5_000, interval: 3_000, count: 10, userTimeout: 20_000 };
const ASKED_HELD: Held = { keepalive: true, keepidle: 5, keepintvl: 3, keepcnt: 10, usertimeout: 20_000 };
const DEFAULT_HELD = { keepalive: true, keepidle: 15, keepintvl: 15, keepcnt: 9 };

/** What neither the defaults nor the cases ask for. */
const ODD: Held = { keepalive: false, keepidle: 111, keepintvl: 22, keepcnt: 7, usertimeout: 66_666 };
const ODD_ON: Held = { ...ODD, keepalive: true };

/** A process in which an option fails, and who looks at it. */
interface Stage extends CaseContext {
  library: RemoteLibrary;
  /** Where it connects to. */
  listener: PeerListener;
  failing: KernelName;
  field: keyof Held;
  /** What explicit values are refused with. */
  refused: { code: string; options?: string[]; hint?: RegExp };
}

/** Everything the kernel holds, but not who it is. */
function valuesOf({ keepalive, keepidle, keepintvl, keepcnt, usertimeout }: Held): Held {
  return { keepalive, keepidle, keepintvl, keepcnt, usertimeout };
}

async function openSockets({ oracle, library }: Stage): Promise<string[]> {
  return (await oracle.of(library.pid).all()).map(({ local, remote, state }) =>
    `${local} ${remote} ${state}`
  );
}

async function connecting(stage: Stage): Promise<void> {
  const { library, listener, oracle, peer, refused } = stage;
  const options = { port: listener.port, keepAlive: ASKED };
  const expected = { ...refused, op: "connect", remoteAddress: listener.address };
  await library.assertSocketError(["connect", options], expected);
  assertEquals(await openSockets(stage), [], "a refused connection is left open");
  // Else it was refused beforehand, and nothing has failed.
  await eventually(async () => await listener.accepted() === 1, 3_000, "The connection at the peer");
  await eventually(
    async () => (await oracle.of(peer.pid).all()).every(({ state }) => state !== "ESTABLISHED"),
    3_000,
    "The end at the peer",
  );
}

async function alive(stage: Stage): Promise<void> {
  const { library, listener, oracle, refused } = stage;
  const there = oracle.of(library.pid);
  const socket = await library.open("connect", { port: listener.port, keepAlive: false });
  const target = { local: socket.localAddress, remote: socket.remoteAddress };
  const presets: [Held, KeepAlive][] = [[ODD, ASKED], [ODD_ON, { ...ASKED, enabled: false }]];
  for (const [preset, keepAlive] of presets) {
    const before = await there.set(target, preset);
    assertEquals(valuesOf(before), preset);
    const expected = { ...refused, op: "setKeepAlive", remoteAddress: socket.remoteAddress };
    await library.assertSocketError(["setKeepAlive", socket.number, keepAlive], expected);
    assertEquals(await there.read(target.local, target.remote), before, "a socket after the failure");
  }
  await library.ask("abort", socket.number);
}

async function listening(stage: Stage): Promise<void> {
  const { library, oracle, peer, refused } = stage;
  const there = oracle.of(library.pid);
  const here = { hostname: "127.0.0.1", port: 0 };
  const listen = ["listen", { ...here, keepAlive: ASKED }] as [string, unknown];
  await library.assertSocketError(listen, { ...refused, op: "listen" });
  assertEquals(await openSockets(stage), [], "a refused listener is left open");

  const listener = await library.open("listen", { ...here, keepAlive: false });
  const { localAddress } = listener;
  assert(localAddress.transport === "tcp");
  const before = await there.set({ local: localAddress }, ODD);
  const expected = { ...refused, op: "setKeepAlive", localAddress };
  await library.assertSocketError(["setKeepAlive", listener.number, ASKED], expected);
  assertEquals(await there.readListener(localAddress), before, "a listener after the failure");
  await peer.connect({ port: localAddress.port });
  const accepted = await library.open("accept", listener.number);
  const held = await there.read(accepted.localAddress, accepted.remoteAddress);
  assertEquals(valuesOf(held), ODD, "accepted after the failure");
  await library.ask("abort", accepted.number);
  await library.ask("close", listener.number);
}

/** Best effort: all but the failing option is held, and `notApplied` says so. */
async function reporting(stage: Stage): Promise<void> {
  const { library, listener, oracle, failing, field } = stage;
  const there = oracle.of(library.pid);
  const reported: [boolean | KeepAlive, Held][] = [
    [{ ...ASKED, unsupported: "report" }, ASKED_HELD],
    [true, { ...DEFAULT_HELD, usertimeout: ODD.usertimeout }],
  ];
  for (const [keepAlive, wanted] of reported) {
    const socket = await library.open("connect", { port: listener.port, keepAlive });
    const target = { local: socket.localAddress, remote: socket.remoteAddress };
    // A user timeout that nobody asked for has not failed.
    const notApplied = keepAlive === true && failing === "TCP_USER_TIMEOUT" ? [] : [failing];
    const before = await there.set(target, ODD);
    const status = await library.setKeepAlive(socket, keepAlive);
    const held = valuesOf(await there.read(target.local, target.remote));
    assertEquals(held, { ...wanted, [field]: before[field] });
    assertEquals(status.notApplied, notApplied);
    assertEquals([status.enabled, status.source], [held.keepalive, "kernel"]);
    await library.ask("abort", socket.number);
  }
}

async function stage(context: CaseContext, name: KernelName, errno?: string): Promise<void> {
  const library = new RemoteLibrary({ failing: [name], errno });
  context.defer(() => library.end());
  const listener = await context.peer.listen();
  const { field } = OPTIONS.find((option) => option.name === name)!; // one of them
  const refused = errno ? { code: errno } : { code: "ENOTSUP", options: [name], hint: /ENOPROTOOPT/ };
  const stage: Stage = { ...context, library, listener, failing: name, field, refused };
  await connecting(stage);
  await alive(stage);
  await listening(stage);
  await reporting(stage);
}

const needs = [needsOpening(), needsFfi()];
cases("all or nothing", [
  ...OPTIONS.map(({ name }): Case => ({
    name: `${name} is missing in the kernel`,
    needs,
    timeout: 30_000,
    run: (context) => stage(context, name),
  })),
  ...(["TCP_KEEPCNT", "SO_KEEPALIVE"] as const).map((name): Case => ({
    name: `${name} is forbidden`,
    needs,
    timeout: 30_000,
    run: (context) => stage(context, name, "EPERM"),
  })),
]);
