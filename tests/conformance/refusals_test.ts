/**
 * Refusals: a value that cannot be held is refused before anything is touched,
 * or reported; what is reported is true. On connections that are opened, on
 * live ones, and on sockets the caller opened.
 */
import { assert, assertEquals } from "@std/assert";
import { type Case, type CaseContext, cases } from "../kit/cases.ts";
import { type Ability, ability, needsOpening } from "../kit/means.ts";
import { type Ends, ODD_VALUES } from "../kit/oracle.ts";
import { PLAIN_WAYS } from "../kit/plain_ways.ts";
import { assertSocketError } from "../kit/socket_error.ts";
import { connect, getKeepAlive, setKeepAlive } from "../../mod.ts";
import { REFUSAL_ROWS, type RefusalRow } from "./refusal_rows.ts";
import { checkHolding, HELP, untouched } from "./refusals.ts";

const can: Ability = ability();

async function connecting({ keepAlive, outcomes }: RefusalRow, context: CaseContext): Promise<void> {
  const { defer, oracle, peer } = context;
  const listener = await peer.listen();
  const { port } = listener;
  const outcome = outcomes[can];
  if ("refused" in outcome) {
    const before = await oracle.countFds();
    await assertSocketError(connect({ port, keepAlive }), {
      code: "ENOTSUP",
      op: "connect",
      remoteAddress: listener.address,
      localAddress: null,
      cause: "none",
      options: outcome.refused,
      hint: HELP,
    });
    assertEquals((await oracle.countFds()).sockets, before.sockets, "a socket was opened");
    // Whoever came before this one would have been counted before it.
    await peer.connect({ port });
    await listener.accept();
    assertEquals(await listener.accepted(), 1, "the peer saw a connection");
    return;
  }
  const before = await untouched(context);
  const connection = await connect({ port, keepAlive });
  defer(() => connection.abort());
  await checkHolding(context, outcome, before, connection, connection.getKeepAlive());
}

/** Opens a socket that is not keepwire's, or one that is. */
type Open = (context: CaseContext, port: number) => Promise<{ socket: object } & Ends>;

const OPENERS: [name: string, open: Open, own: boolean][] = [
  ["a Connection", async ({ defer }, port) => {
    const connection = await connect({ port, keepAlive: false });
    defer(() => connection.abort());
    const { localAddress, remoteAddress } = connection;
    return { socket: connection, localAddress, remoteAddress };
  }, true],
  ...PLAIN_WAYS.map((way): typeof OPENERS[number] => [`a ${way.name}`, async ({ defer }, port) => {
    const plain = await way.connect({ hostname: "127.0.0.1", port });
    defer(() => plain.close());
    return plain;
  }, false]),
];

async function alive({ keepAlive, outcomes }: RefusalRow, context: CaseContext, open: Open): Promise<void> {
  const { oracle, peer } = context;
  const { port } = await peer.listen();
  const { socket, ...ends } = await open(context, port);
  const target = { local: ends.localAddress, remote: ends.remoteAddress };
  const outcome = outcomes[can];
  if (!("refused" in outcome)) {
    const before = await oracle.set(target, {
      ...ODD_VALUES,
      usertimeout: 66_666,
      keepalive: !outcome.enabled,
    });
    await checkHolding(context, outcome, before, ends, setKeepAlive(socket, keepAlive));
    await checkHolding(context, outcome, before, ends, getKeepAlive(socket));
    return;
  }
  for (const keepalive of [false, true]) {
    const before = await oracle.set(target, { ...ODD_VALUES, usertimeout: 66_666, keepalive });
    const error = await assertSocketError(() => setKeepAlive(socket, keepAlive), {
      code: "ENOTSUP",
      op: "setKeepAlive",
      cause: "none",
      options: outcome.refused,
      hint: HELP,
    });
    for (const name of outcome.refused) assert(error.message.includes(name), error.message);
    assertEquals(await oracle.read(target.local, target.remote), before);
  }
}

const ROWS: Case[] = REFUSAL_ROWS.flatMap((row) => {
  const asked = JSON.stringify(row.keepAlive);
  return [
    { name: `connect with ${asked}`, needs: needsOpening(), run: (context) => connecting(row, context) },
    ...OPENERS.map(([name, open, own]): Case => ({
      name: `${name} is set to ${asked}`,
      needs: own ? needsOpening() : [],
      run: (context) => alive(row, context, open),
    })),
  ];
});

cases(`refusals, where one can set ${can}`, ROWS);
