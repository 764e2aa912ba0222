/**
 * TCP_INFO: what the library tells is what another process reads from the same
 * socket, on each kind of connection and in each state.
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { type Case, type CaseContext, cases } from "../kit/cases.ts";
import { needsFfi, needsOpening } from "../kit/means.ts";
import type { Ends } from "../kit/oracle.ts";
import { openConnection, openOwnPair, openPair, socketPath, type Way } from "../kit/pairs.ts";
import { PLAIN_WAYS, type PlainWay } from "../kit/plain_ways.ts";
import { assertSocketError } from "../kit/socket_error.ts";
import { eventually } from "../kit/time.ts";
import { capabilities, type TcpInfo, tcpInfo } from "../../mod.ts";

type Theirs = Record<string, number | string>;

/** Fields that stand still on a connection where nothing moves; by the oracle's unit of them. */
const FLAGS: readonly (keyof TcpInfo)[] = ["deliveryRateAppLimited"];
const MICROSECONDS: readonly (keyof TcpInfo)[] = [
  "rto",
  "ato",
  "rtt",
  "rttvar",
  "rcvRtt",
  "minRtt",
  "busyTime",
  "rwndLimited",
  "sndbufLimited",
];
const MOVING: readonly (keyof TcpInfo)[] = ["lastDataSent", "lastDataRecv", "lastAckRecv"];
/** What the oracle does not read by their names: bits of `options`, and a part of a byte. */
const BITS = { timestamps: 1, sack: 2, windowScaling: 4, ecn: 8 } as const;
const NOT_TOLD: readonly string[] = [
  "fastopenClientFail",
  "deliveredE1Bytes",
  "deliveredE0Bytes",
  "deliveredCeBytes",
  "receivedE1Bytes",
  "receivedE0Bytes",
  "receivedCeBytes",
];

function targetOf({ localAddress, remoteAddress }: Ends) {
  return { local: localAddress, remote: remoteAddress };
}

/** Our fields in the oracle's units. */
function inKernelUnits(info: TcpInfo): Theirs {
  const found: Theirs = {};
  let options = 0;
  for (const [name, value] of Object.entries(info)) {
    if (name in BITS) options |= value ? BITS[name as keyof typeof BITS] : 0;
    else if (FLAGS.includes(name as keyof TcpInfo)) found[name] = value ? 1 : 0;
    else if (MICROSECONDS.includes(name as keyof TcpInfo)) found[name] = Math.round(value * 1000);
    else if (value === Infinity) found[name] = 2 ** 64;
    else if (!NOT_TOLD.includes(name)) found[name] = value;
  }
  return { ...found, options };
}

/** Asserts that ours is what another process reads, field by field: nothing may be missing on either side. */
async function checkInfo(
  { oracle }: CaseContext,
  ends: Ends,
  read: () => TcpInfo | undefined,
): Promise<TcpInfo> {
  let last: unknown;
  // What moves between two readings is read again.
  for (let attempt = 0; attempt < 20; attempt++) {
    const before = read();
    const { length: _, unread: __, ...theirs } = await oracle.tcpInfo(targetOf(ends));
    const after = read();
    assert(before && after, "nothing was read");
    const [first, second] = [inKernelUnits(before), inKernelUnits(after)];
    for (const name of MOVING) {
      const [low, high] = [Number(first[name]), Number(second[name])];
      const between = low - 12 <= Number(theirs[name]) && Number(theirs[name]) <= high + 12;
      if (low <= high) assert(between, `${name}: ${theirs[name]} is not between ${low} and ${high}`);
      delete first[name], delete second[name], delete theirs[name];
    }
    // The options are six bits, of which four have a name.
    theirs.options = Number(theirs.options) & 15;
    try {
      assertEquals(first, second);
    } catch {
      continue;
    }
    try {
      assertEquals(first, theirs);
      return after;
    } catch (error) {
      last = error;
    }
  }
  throw last;
}

async function exchange(context: CaseContext, way: Way): Promise<void> {
  const { connection, peer } = await openPair(context, way);
  const untouched = await checkInfo(context, connection, () => connection.info());
  assertEquals([untouched.state, untouched.unacked, untouched.retransmits], ["ESTABLISHED", 0, 0]);
  await connection.write(new Uint8Array(100_000));
  await peer.receive({ bytes: 100_000 });
  await peer.send({ bytes: 5_000 });
  let left = 5_000;
  while (left > 0) left -= (await connection.read(new Uint8Array(left)))!;
  const acknowledged = () => connection.info()?.unacked === 0;
  await eventually(acknowledged, 3_000, "The acknowledgement");
  const after = await checkInfo(context, connection, () => tcpInfo(connection));
  // A connection that was opened counts its SYN too; what was sent again, on a busy machine, counts again.
  const acked = after.bytesAcked! - (way === "connected" ? 1 : 0);
  const sent = after.bytesSent! - after.bytesRetrans!;
  assertEquals([acked, after.bytesReceived, sent], [100_000, 5_000, 100_000]);
  assert(after.rtt! > 0 && after.rtt! < 1_000 && after.rto! >= 1, `rtt ${after.rtt}, rto ${after.rto}`);
  await peer.close();
  await eventually(() => connection.closed.then(() => true), 3_000, "The end");
  const { localAddress, remoteAddress } = connection;
  const expected = { code: "ENOTCONN", op: "tcpInfo", localAddress, remoteAddress } as const;
  await assertSocketError(() => connection.info(), expected);
  await assertSocketError(() => tcpInfo(connection), expected);
}

const NONE = { hostname: "127.0.0.1" } as const;

async function plainConnected({ defer, peer }: CaseContext, way: PlainWay) {
  const { port } = await peer.listen();
  const plain = await way.connect({ ...NONE, port });
  defer(() => plain.close());
  return plain;
}

const OF_CLASSES: Case[] = PLAIN_WAYS.flatMap((way): Case[] => [
  {
    name: `${way.name}, connected and accepted`,
    needs: needsFfi(),
    run: async (context) => {
      const { defer, peer } = context;
      const plain = await plainConnected(context, way);
      const info = await checkInfo(context, plain, () => tcpInfo(plain.socket));
      assertEquals(info.state, "ESTABLISHED");
      const listener = await way.listen({ ...NONE, port: 0 });
      defer(() => listener.close());
      await peer.connect({ port: listener.port });
      const accepted = await listener.accept();
      defer(() => accepted.close());
      await checkInfo(context, accepted, () => tcpInfo(accepted.socket));
      // In another state.
      plain.shutdown();
      await eventually(() => tcpInfo(plain.socket)?.state === "FIN_WAIT2", 3_000, "FIN_WAIT2");
      await checkInfo(context, plain, () => tcpInfo(plain.socket));
    },
  },
  {
    name: `${way.name}, closed`,
    needs: needsFfi(),
    run: async (context) => {
      const plain = await plainConnected(context, way);
      plain.close();
      await assertSocketError(() => tcpInfo(plain.socket), { code: "ENOTCONN", op: "tcpInfo" });
    },
  },
  {
    name: `${way.name}, a Unix socket`,
    run: async (context) => {
      const path = socketPath(context);
      const listener = await way.listen({ path });
      context.defer(() => listener.close());
      const ends = [await way.connect({ path }), await listener.accept()];
      for (const end of ends) {
        context.defer(() => end.close());
        assertEquals(tcpInfo(end.socket), undefined);
      }
    },
  },
]);

const NOT_A_SOCKET =
  "Cannot use socket: expected a Connection of keepwire, a net.Socket, a Deno.TcpConn, or a Socket of Bun or workerd";

cases("tcpInfo", [
  ...(["connected", "accepted"] as const).map((way): Case => ({
    name: `a Connection, ${way}`,
    needs: [needsOpening(), needsFfi()],
    run: (context) => exchange(context, way),
  })),
  {
    name: "what waits and what is in flight, while nobody reads",
    needs: [needsOpening(), needsFfi()],
    run: async (context) => {
      const { connection, peer } = await openPair(context, "connected", {}, { receiveBuffer: 4_096 });
      const writing = connection.write(new Uint8Array(8_000_000));
      // A closed window: what is left is not sent, and nothing is in flight.
      const closed = () => {
        const info = connection.info()!;
        return info.sndWnd === 0 && info.unacked === 0 && info.notsentBytes! > 0;
      };
      await eventually(closed, 5_000, "The closed window");
      const theirs = await context.oracle.tcpInfo(targetOf(connection));
      const ours = connection.info()!;
      assertEquals([ours.sndWnd, ours.notsentBytes], [theirs.sndWnd, theirs.notsentBytes] as number[]);
      await Promise.all([writing, peer.receive({ bytes: 8_000_000 })]);
    },
  },
  {
    name: "a Connection over a Unix socket has none",
    needs: needsOpening(),
    run: async (context) => {
      const { client, server } = await openOwnPair(context, {}, socketPath(context));
      assertEquals([client.info(), tcpInfo(server)], [undefined, undefined]);
    },
  },
  {
    name: "without FFI there is none, and the table says what would help",
    needs: needsOpening(),
    run: async (context) => {
      const { port } = await context.peer.listen();
      const connection = await openConnection(context, { port });
      const { get, hint } = capabilities().tcpInfo;
      assertEquals([connection.info() !== undefined, hint === undefined], [get === "ffi", get === "ffi"]);
    },
  },
  {
    name: "what is no socket",
    run: () => {
      for (const value of [undefined, null, 5, "127.0.0.1:80", {}, [], () => {}]) {
        const error = assertThrows(() => tcpInfo(value as object), TypeError);
        assertEquals(error.message, NOT_A_SOCKET);
      }
    },
  },
  ...OF_CLASSES,
]);
