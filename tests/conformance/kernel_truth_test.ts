/**
 * Kernel truth: what was asked for is what the kernel holds, read by another
 * process, on a connection that was opened, on one that was accepted, and on
 * one that is set while it lives.
 */
import { readFileSync } from "node:fs";
import { assert, assertEquals } from "@std/assert";
import { type Case, type CaseContext, cases } from "../kit/cases.ts";
import { needsFfi, needsOpening } from "../kit/means.ts";
import { type HeldSocket, inLibraryUnits, ODD_VALUES } from "../kit/oracle.ts";
import { connect, type Connection, type KeepAlive, type KeepAliveStatus, listen } from "../../mod.ts";

/** TCP_KEEPIDLE and TCP_KEEPINTVL in seconds, TCP_KEEPCNT, TCP_USER_TIMEOUT in milliseconds; `null`: as it was before. */
type Values = [idle: number | null, interval: number | null, count: number | null, userTimeout?: number];

interface Row {
  name: string;
  keepAlive: boolean | KeepAlive;
  enabled: boolean;
  holds: Values;
}

const on = (name: string, keepAlive: boolean | KeepAlive, holds: Values): Row => ({
  name,
  keepAlive,
  enabled: true,
  holds,
});
const off = (name: string, keepAlive: boolean | KeepAlive, holds: Values): Row => ({
  ...on(name, keepAlive, holds),
  enabled: false,
});

/** golang/go, src/net/tcpconn_keepalive_conf_posix_test.go; its -1 is our `null`, its 0 our `undefined`. */
// deno-fmt-ignore -- a table is read by its columns
const GO: Row[] = [
  on("Go 1: 5 s, 3 s, 10", { idle: 5_000, interval: 3_000, count: 10 }, [5, 3, 10]),
  on("Go 2: 0, 0, 0", {}, [15, 15, 9]),
  on("Go 3: -1, -1, -1", { idle: null, interval: null, count: null }, [null, null, null]),
  on("Go 4: -1, 3 s, 10", { idle: null, interval: 3_000, count: 10 }, [null, 3, 10]),
  on("Go 5: 5 s, -1, 10", { idle: 5_000, interval: null, count: 10 }, [5, null, 10]),
  on("Go 6: 5 s, 3 s, -1", { idle: 5_000, interval: 3_000, count: null }, [5, 3, null]),
  on("Go 7: -1, -1, 10", { idle: null, interval: null, count: 10 }, [null, null, 10]),
  on("Go 8: -1, 3 s, -1", { idle: null, interval: 3_000, count: null }, [null, 3, null]),
  on("Go 9: 5 s, -1, -1", { idle: 5_000, interval: null, count: null }, [5, null, null]),
  on("Go 10: 0, 3 s, 10", { interval: 3_000, count: 10 }, [15, 3, 10]),
  on("Go 11: 5 s, 0, 10", { idle: 5_000, count: 10 }, [5, 15, 10]),
  on("Go 12: 5 s, 3 s, 0", { idle: 5_000, interval: 3_000 }, [5, 3, 9]),
  on("Go 13: 0, 0, 10", { count: 10 }, [15, 15, 10]),
  on("Go 14: 0, 3 s, 0", { interval: 3_000 }, [15, 3, 9]),
  on("Go 15: 5 s, 0, 0", { idle: 5_000 }, [5, 15, 9]),
];

// deno-fmt-ignore -- a table is read by its columns
const ROUNDED: [milliseconds: number, seconds: number][] = [
  [0.001, 1], [1, 1], [500, 1], [999, 1], [1_000, 1], [1_000.5, 2], [1_001, 2], [1_999, 2],
];

const ROUNDING: Row[] = ROUNDED.map(([ms, s]) =>
  on(`idle and interval of ${ms} ms`, { idle: ms, interval: ms, count: 3 }, [s, s, 3])
);

// deno-fmt-ignore -- a table is read by its columns
const OTHERS: Row[] = [
  on("all four", { idle: 10_000, interval: 5_000, count: 3, userTimeout: 20_000 }, [10, 5, 3, 20_000]),
  on("the upper limits", { idle: 32_767_000, interval: 32_767_000, count: 127 }, [32_767, 32_767, 127]),
  on("the upper limits, rounded", { idle: 32_766_001, interval: 32_766_001, count: 127 }, [32_767, 32_767, 127]),
  on("the lower limit of count", { count: 1 }, [15, 15, 1]),
  on("userTimeout 0", { userTimeout: 0 }, [15, 15, 9, 0]),
  on("userTimeout -0", { userTimeout: -0 }, [15, 15, 9, 0]),
  on("userTimeout 1", { userTimeout: 1 }, [15, 15, 9, 1]),
  on("userTimeout of half a millisecond", { userTimeout: 0.5 }, [15, 15, 9, 1]),
  on("userTimeout 2147483647", { userTimeout: 2_147_483_647 }, [15, 15, 9, 2_147_483_647]),
  on("true", true, [15, 15, 9]),
  off("false", false, [null, null, null]),
  off("enabled: false", { enabled: false }, [null, null, null]),
  on("enabled: true", { enabled: true }, [15, 15, 9]),
  off("enabled: false with one value", { enabled: false, interval: 4_000 }, [null, 4, null]),
  off("enabled: false with all four", { enabled: false, idle: 8_000, interval: 4_000, count: 2, userTimeout: 9_000 }, [8, 4, 2, 9_000]),
  on("idle: null", { idle: null }, [null, 15, 9]),
  on("interval: null", { interval: null }, [15, null, 9]),
  on("count: null", { count: null }, [15, 15, null]),
  on("userTimeout: null", { userTimeout: null }, [15, 15, 9]),
  on("null for all four", { idle: null, interval: null, count: null, userTimeout: null }, [null, null, null]),
  on("undefined for all", { enabled: undefined, idle: undefined, interval: undefined, count: undefined, userTimeout: undefined, unsupported: undefined }, [15, 15, 9]),
  on("unsupported: report", { idle: 6_000, interval: 2_000, count: 4, userTimeout: 7_000, unsupported: "report" }, [6, 2, 4, 7_000]),
];

const ROWS = [...GO, ...ROUNDING, ...OTHERS];

type Held = Pick<HeldSocket, "keepalive" | "keepidle" | "keepintvl" | "keepcnt" | "usertimeout">;

/** Neither a default nor in any row. */
const PRESET = { ...ODD_VALUES, usertimeout: 66_666 };

/** What the system gives a socket that nobody has set: of another process, which has nothing of the library. */
async function untouched({ oracle, peer }: CaseContext): Promise<Held> {
  const { address } = await peer.listen();
  return await oracle.of(peer.pid).readListener(address);
}

/** Asserts that the kernel holds the row's values, and that the library says so. */
async function checkHeld(
  { oracle }: CaseContext,
  row: Row,
  before: Held,
  connection: Connection,
  status: KeepAliveStatus = connection.getKeepAlive(),
): Promise<void> {
  const held = await oracle.read(connection.localAddress, connection.remoteAddress);
  const { keepalive, keepidle, keepintvl, keepcnt, usertimeout } = held;
  const [idle, interval, count, userTimeout] = row.holds;
  assertEquals({ keepalive, keepidle, keepintvl, keepcnt, usertimeout }, {
    keepalive: row.enabled,
    keepidle: idle ?? before.keepidle,
    keepintvl: interval ?? before.keepintvl,
    keepcnt: count ?? before.keepcnt,
    usertimeout: userTimeout ?? before.usertimeout,
  });
  checkStatus(status, held);
  checkStatus(connection.getKeepAlive(), held);
}

function checkStatus(status: KeepAliveStatus, held: HeldSocket): void {
  const { detectsWithin, ...rest } = status;
  assertEquals(rest, { ...inLibraryUnits(held), source: "kernel", route: "ffi", notApplied: [] });
  // Its formulas have tests of their own.
  const { inFlight, zeroWindow } = detectsWithin;
  const userTimeout = held.usertimeout;
  if (userTimeout > 0) {
    assert(inFlight! >= userTimeout + 400 && inFlight! <= userTimeout + 2_000, `in flight ${inFlight}`);
    assert(
      zeroWindow! >= userTimeout + 200 && zeroWindow! <= userTimeout + 1_000,
      `zero window ${zeroWindow}`,
    );
    return;
  }
  // By tcp_retries2; what this process may read, the library may.
  const retries2 = mayRead("/proc/sys/net/ipv4/tcp_retries2");
  assertEquals(inFlight !== undefined, retries2, `in flight ${inFlight}`);
  assertEquals(zeroWindow !== undefined, retries2, `zero window ${zeroWindow}`);
}

function mayRead(path: string): boolean {
  try {
    readFileSync(path);
    return true;
  } catch {
    return false;
  }
}

async function whenConnected(row: Row, context: CaseContext): Promise<void> {
  const before = await untouched(context);
  const { port } = await context.peer.listen();
  const connection = await connect({ port, keepAlive: row.keepAlive });
  context.defer(() => connection.abort());
  await checkHeld(context, row, before, connection);
}

async function whenAccepted(row: Row, context: CaseContext): Promise<void> {
  const before = await untouched(context);
  await using listener = await listen({
    hostname: "127.0.0.1",
    port: 0,
    keepAlive: row.keepAlive,
  });
  if (listener.address.transport !== "tcp") throw new Error("not TCP");
  await context.peer.connect({ port: listener.address.port });
  const connection = await listener.accept();
  context.defer(() => connection.abort());
  await checkHeld(context, row, before, connection);
  checkStatus(listener.getKeepAlive(), await context.oracle.readListener(listener.address));
}

async function whenAlive(row: Row, context: CaseContext): Promise<void> {
  const { oracle, peer } = context;
  const { port } = await peer.listen();
  const connection = await connect({ port, keepAlive: false });
  context.defer(() => connection.abort());
  const { localAddress, remoteAddress } = connection;
  const socket = { local: localAddress, remote: remoteAddress };
  const before = await oracle.set(socket, { ...PRESET, keepalive: !row.enabled });
  assertEquals([before.keepidle, before.keepintvl, before.keepcnt, before.usertimeout], [111, 22, 7, 66_666]);
  await checkHeld(context, row, before, connection, connection.setKeepAlive(row.keepAlive));
}

const WAYS: [name: string, way: (row: Row, context: CaseContext) => Promise<void>][] = [
  ["connected", whenConnected],
  ["accepted", whenAccepted],
  ["alive", whenAlive],
];

const needs = [needsOpening(), needsFfi()];
cases(
  "kernel truth",
  WAYS.flatMap(([way, run]) =>
    ROWS.map((row): Case => ({
      name: `${way}, ${row.name}`,
      needs,
      run: (context) => run(row, context),
    }))
  ),
);
