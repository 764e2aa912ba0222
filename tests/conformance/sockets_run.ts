/**
 * Runs a case of the standard `connect` on keepwire's own.
 *
 * @module
 */
import { capabilities } from "../../mod.ts";
import { connect, Socket } from "../../sockets.ts";
import type { CaseContext } from "../kit/cases.ts";
import { type AnyStandardSocket, makeSocketKit } from "./sockets.ts";
import type { FarEnd } from "./sockets_far_end.ts";
import type { SocketRow } from "./sockets_rows.ts";

const ours = connect as (address: unknown, options?: unknown) => AnyStandardSocket; // cases pass what is wrong, too

/** Lets go of a socket of which a case needs no more. */
export function drop(socket: AnyStandardSocket): void {
  if (socket.writable.locked) socket.close();
  else socket.writable.abort().catch(() => {});
}

/** Runs a row; what it has opened is let go of after it. */
export async function runRow(
  row: SocketRow,
  { port, far, close }: FarEnd,
  { defer }: CaseContext,
  caCerts: string[] = [],
): Promise<void> {
  const raw: typeof ours = (address, options) => {
    const socket = ours(address, options);
    defer(() => drop(socket));
    return socket;
  };
  defer(close);
  const withdraws = capabilities().runtime !== "deno";
  await row.run(makeSocketKit({ raw, Socket, far, port, caCerts, bare: false, withdraws }));
}
