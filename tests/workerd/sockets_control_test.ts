/**
 * The control: the cases of the standard `connect` against the `connect` of
 * real workerd. Where the two differ is written down with the reason; a
 * difference that is not, and one that is none, fail.
 *
 * @module
 */
import { assert } from "@std/assert";
import { type Case, cases } from "../kit/cases.ts";
import { type FarEnd, openFarEnd, openTlsFarEnd } from "../conformance/sockets_far_end.ts";
import { makeSocketKit } from "../conformance/sockets.ts";
import { PLAIN_ROWS, type SocketRow } from "../conformance/sockets_rows.ts";
import { TLS_ROWS } from "../conformance/sockets_tls_rows.ts";
import { TlsFarEnds } from "../kit/tls_far_end.ts";
import { type StepContext, Workerd } from "./harness.ts";
import { DIFFERENCES } from "./sockets_differences.ts";

/** Runs in workerd. */
async function runThere(
  { modules, far, unhandled }: StepContext,
  port: number,
  make: typeof makeSocketKit,
  body: SocketRow["run"],
): Promise<string[]> {
  const { connect, Socket } = modules.sockets;
  const before = unhandled.length;
  const opened: { close(): Promise<void> }[] = [];
  const raw = (address: unknown, options: unknown) => {
    const socket = connect(address, options);
    opened.push(socket);
    return socket;
  };
  const ask = (op: string, given: unknown) => far("ask", { op, arg: given });
  try {
    await body(make({ raw, Socket, far: ask, port, caCerts: [], bare: true, withdraws: true }));
  } finally {
    for (const socket of opened) socket.close().catch(() => {});
  }
  return unhandled.slice(before);
}

/** What a case says of workerd; `undefined` when it agrees. */
async function verdict(row: SocketRow, farEnd: FarEnd): Promise<string | undefined> {
  await using workerd = await Workerd.start({
    trustedCertificates: [authority],
    far: { ask: ({ op, arg }: { op: never; arg: unknown }) => farEnd.far(op, arg) },
  });
  const step = `(context, port) => (${runThere})(context, port, ${makeSocketKit}, ${textOf(row)})`;
  try {
    const unhandled = await workerd.run<number, string[]>(step, farEnd.port, 15_000);
    return unhandled.length > 0 ? `unhandled: ${unhandled[0]}` : undefined;
  } catch (error) {
    return (error as Error).message.split("\n")[0];
  }
}

/** A method's text is no expression of its own. */
function textOf({ run }: SocketRow): string {
  const text = run.toString();
  return /^(async )?(function\b|\(|[a-z]+ *=>)/.test(text) ? text : text.replace(/^(async )?/, "$1function ");
}

/** The row must agree with what is listed. */
async function judge(row: SocketRow, farEnd: FarEnd): Promise<void> {
  const says = await verdict(row, farEnd);
  const listed = DIFFERENCES.find((difference) => difference.row === row.name);
  if (listed === undefined) {
    assert(says === undefined, `workerd differs, and that is not listed: ${says}`);
  } else {
    assert(says !== undefined, `workerd does not differ, though it is listed: ${listed.reason}`);
    assert(listed.says.test(says), `workerd differs in another way: ${says}`);
  }
}

let farEnds: TlsFarEnds | undefined;
let authority = "";

const common = ({ oursOnly }: SocketRow) => oursOnly === undefined;

const plain: Case[] = PLAIN_ROWS.filter(common).map((row) => ({
  name: row.name,
  timeout: 30_000,
  run: async ({ peer }) => await judge(row, await openFarEnd(peer)),
}));

const tls: Case[] = TLS_ROWS.filter(common).map((row) => ({
  name: row.name,
  timeout: 30_000,
  run: async ({ peer }) => await judge(row, await openTlsFarEnd(farEnds!, peer, row)), // the first case has started them
}));

cases("workerd's own connect", [
  {
    name: "the far ends start",
    // Their program is for all cases.
    fds: false,
    run: async () => {
      farEnds = new TlsFarEnds();
      authority = await farEnds.authority();
    },
  },
  {
    name: "each difference is one of a case, and of one that is run",
    run: () => {
      const names = new Set([...PLAIN_ROWS, ...TLS_ROWS].filter(common).map(({ name }) => name));
      const lost = DIFFERENCES.filter(({ row }) => !names.has(row));
      assert(lost.length === 0, `no case is called ${lost.map(({ row }) => row)}`);
    },
  },
  ...plain,
  ...tls,
]);
