/**
 * Refusals of listeners: what accepted connections could not hold is refused
 * before anything is bound, or reported on each of them.
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { type Case, type CaseContext, cases } from "../kit/cases.ts";
import { type Ability, ability, needsOpening } from "../kit/means.ts";
import { assertSocketError } from "../kit/socket_error.ts";
import { listen, type Listener } from "../../mod.ts";
import { type Holding, REFUSAL_ROWS, type RefusalRow } from "./refusal_rows.ts";
import { checkHolding, HELP, untouched } from "./refusals.ts";

const can = ability();

async function opened({ defer }: CaseContext, keepAlive: RefusalRow["keepAlive"]) {
  const listener = await listen({ hostname: "127.0.0.1", port: 0, keepAlive });
  defer(() => listener.close());
  assert(listener.address.transport === "tcp");
  return { listener, port: listener.address.port };
}

/** Has the peer connect, and looks at what is accepted. */
async function checkAccepted(
  context: CaseContext,
  { listener, port }: { listener: Listener; port: number },
  holding: Holding,
): Promise<void> {
  const before = await untouched(context);
  for (let nth = 0; nth < 2; nth++) {
    await context.peer.connect({ port });
    const connection = await listener.accept();
    context.defer(() => connection.abort());
    await checkHolding(context, holding, before, connection, connection.getKeepAlive());
  }
}

async function listening({ keepAlive, outcomes }: RefusalRow, context: CaseContext): Promise<void> {
  const { oracle, peer } = context;
  const outcome = outcomes[can];
  if (!("refused" in outcome)) {
    const open = await opened(context, keepAlive);
    assertEquals(open.listener.getKeepAlive().notApplied, outcome.notApplied);
    return await checkAccepted(context, open, outcome);
  }
  const port = await peer.freePort();
  await assertSocketError(listen({ hostname: "127.0.0.1", port, keepAlive }), {
    code: "ENOTSUP",
    op: "listen",
    localAddress: { transport: "tcp", hostname: "127.0.0.1", port },
    remoteAddress: null,
    cause: "none",
    options: outcome.refused,
    hint: HELP,
  });
  assertEquals((await oracle.all()).filter(({ listening }) => listening), []);
  await assertRejects(() => peer.connect({ port }), Error, "refused");
}

async function changing({ keepAlive, outcomes }: RefusalRow, context: CaseContext): Promise<void> {
  const outcome = outcomes[can];
  const open = await opened(context, false);
  if ("refused" in outcome) {
    const { address } = open.listener;
    const before = await context.oracle.readListener(address);
    await assertSocketError(() => open.listener.setKeepAlive(keepAlive), {
      code: "ENOTSUP",
      op: "setKeepAlive",
      localAddress: address,
      cause: "none",
      options: outcome.refused,
      hint: HELP,
    });
    assertEquals(await context.oracle.readListener(address), before);
    await checkAccepted(context, open, { enabled: false, values: [null, null, null], notApplied: [] });
  } else {
    assertEquals(open.listener.setKeepAlive(keepAlive).notApplied, outcome.notApplied);
    await checkAccepted(context, open, outcome);
  }
}

/** A listening socket keeps what it was given, and so do those it accepts. */
const KEPT: Record<Ability, Holding> = {
  switch: { enabled: false, values: [null, null, null], notApplied: [] },
  idle: { enabled: false, values: [5, 1, 10], notApplied: [] },
  times: { enabled: false, values: [5, 15, 9], notApplied: [] },
  everything: { enabled: false, values: [5, 15, 9], notApplied: [] },
};

async function keeping(context: CaseContext): Promise<void> {
  const open = await opened(context, { idle: 5_000, unsupported: "report" });
  assertEquals(open.listener.setKeepAlive(false).notApplied, []);
  await checkAccepted(context, open, KEPT[can]);
}

cases(
  `refusals, where one can set ${can}`,
  [
    { name: "a listener keeps what it was given", run: keeping },
    ...REFUSAL_ROWS.flatMap((row): Case[] => {
      const asked = JSON.stringify(row.keepAlive);
      return [
        { name: `listen with ${asked}`, run: (context) => listening(row, context) },
        { name: `a listener is set to ${asked}`, run: (context) => changing(row, context) },
      ];
    }),
  ].map((one): Case => ({ ...one, needs: needsOpening() })),
);
