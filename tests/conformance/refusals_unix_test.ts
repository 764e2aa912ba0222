/**
 * Unix sockets have no keepalive: numbers are refused before anything is
 * opened, the defaults are reported.
 */
import { assertEquals } from "@std/assert";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { type Case, type CaseContext, cases } from "../kit/cases.ts";
import { needsOpening } from "../kit/means.ts";
import { assertSocketError } from "../kit/socket_error.ts";
import { type Address, connect, getKeepAlive, type KeepAlive, type KernelName, listen } from "../../mod.ts";

const SWITCH: KernelName = "SO_KEEPALIVE";
const TIMES: KernelName[] = ["TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT"];
const FOUR = { idle: 10_000, interval: 5_000, count: 3, userTimeout: 20_000 };

/** What is given, and what is told to be missing. */
const TAKEN: [keepAlive: boolean | KeepAlive | undefined, notApplied: KernelName[]][] = [
  [undefined, [SWITCH, ...TIMES]],
  [true, [SWITCH, ...TIMES]],
  [{}, [SWITCH, ...TIMES]],
  [{ userTimeout: null }, [SWITCH, ...TIMES]],
  [{ idle: null, interval: null, count: null, userTimeout: null }, [SWITCH]],
  [false, []],
  [{ enabled: false }, []],
  [{ ...FOUR, unsupported: "report" }, [SWITCH, ...TIMES, "TCP_USER_TIMEOUT"]],
  [{ enabled: false, count: 3, unsupported: "report" }, ["TCP_KEEPCNT"]],
];

/** What is given, and what is refused. */
const REFUSED: [keepAlive: KeepAlive, options: KernelName[]][] = [
  [FOUR, [...TIMES, "TCP_USER_TIMEOUT"]],
  [{ idle: 15_000 }, ["TCP_KEEPIDLE"]],
  [{ interval: 1_000 }, ["TCP_KEEPINTVL"]],
  [{ count: 9 }, ["TCP_KEEPCNT"]],
  [{ userTimeout: 0 }, ["TCP_USER_TIMEOUT"]],
  [{ enabled: false, idle: 1 }, ["TCP_KEEPIDLE"]],
];

const STATUS = { enabled: false, source: "requested", route: "none", detectsWithin: {} };

function folder({ defer }: CaseContext): string {
  const made = mkdtempSync(`${tmpdir()}/keepwire-`);
  defer(() => rmSync(made, { recursive: true }));
  return made;
}

function unsupported(options: KernelName[]) {
  return { code: "ENOTSUP", cause: "none", options, hint: /TCP only/ } as const;
}

async function taken(
  keepAlive: boolean | KeepAlive | undefined,
  notApplied: KernelName[],
  context: CaseContext,
): Promise<void> {
  const path = `${folder(context)}/s`;
  await using listener = await listen({ path, keepAlive });
  assertEquals<unknown>(listener.getKeepAlive(), { ...STATUS, notApplied });
  const client = await connect({ path, keepAlive });
  context.defer(() => client.abort());
  const server = await listener.accept();
  context.defer(() => server.abort());
  for (const connection of [client, server]) {
    assertEquals<unknown>(connection.getKeepAlive(), { ...STATUS, notApplied });
    assertEquals<unknown>(getKeepAlive(connection), { ...STATUS, notApplied });
    assertEquals<unknown>(connection.setKeepAlive(keepAlive ?? true), { ...STATUS, notApplied });
  }
}

async function refused(keepAlive: KeepAlive, options: KernelName[], context: CaseContext): Promise<void> {
  const { defer, peer } = context;
  const path = `${folder(context)}/s`;
  const remoteAddress: Address = { transport: "unix", path };
  const error = unsupported(options);
  await assertSocketError(listen({ path, keepAlive }), {
    ...error,
    op: "listen",
    localAddress: remoteAddress,
  });
  assertEquals(existsSync(path), false, "it was bound");

  const listener = await peer.listen({ path });
  await assertSocketError(connect({ path, keepAlive }), { ...error, op: "connect", remoteAddress });
  // Whoever came before this one would have been counted before it.
  await peer.connect({ path });
  await listener.accept();
  assertEquals(await listener.accepted(), 1, "the peer saw a connection");

  const connection = await connect({ path });
  defer(() => connection.abort());
  const set = () => connection.setKeepAlive(keepAlive);
  await assertSocketError(set, { ...error, op: "setKeepAlive", remoteAddress });
  assertEquals(connection.getKeepAlive().notApplied, [SWITCH, ...TIMES]);
}

cases("refusals on Unix sockets", [
  ...TAKEN.map(([keepAlive, notApplied]): Case => ({
    name: `${JSON.stringify(keepAlive) ?? "nothing"} is taken`,
    needs: needsOpening(),
    run: (context) => taken(keepAlive, notApplied, context),
  })),
  ...REFUSED.map(([keepAlive, options]): Case => ({
    name: `${JSON.stringify(keepAlive)} is refused`,
    needs: needsOpening(),
    run: (context) => refused(keepAlive, options, context),
  })),
]);
