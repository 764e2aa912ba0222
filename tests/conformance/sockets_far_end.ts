/**
 * The far end of the cases of the standard `connect`: the scripted peer, as
 * the cases ask it, be it from workerd.
 *
 * @module
 */
import type { Address } from "../../mod.ts";
import { addressText } from "../kit/oracle.ts";
import type { Peer, PeerConnection } from "../kit/peer.ts";
import type { TlsFarEnds } from "../kit/tls_far_end.ts";
import type { FarOp } from "./sockets.ts";

/** A far end for one case. */
export interface FarEnd {
  port: number;
  far(op: FarOp, arg?: unknown): Promise<unknown>;
  /** Lets go: a socket that was closed waits for the peer's end in the background. */
  close(): Promise<void>;
}

/** A far end that listens, and accepts one connection. */
export async function openFarEnd(peer: Peer): Promise<FarEnd> {
  const listener = await peer.listen({ receiveBuffer: 65_536 });
  let accepted: Promise<PeerConnection> | undefined;
  const connection = () => accepted ??= listener.accept(5_000);
  const ops: Partial<Record<FarOp, (arg: never) => unknown>> = {
    accept: async () => endsOf(await connection()),
    write: async (text: string) => void await (await connection()).write(text),
    send: async (options: { bytes: number }) => await (await connection()).send(options),
    text: async (length: number) => await (await connection()).readText(length, 3_000),
    receive: async ({ bytes }: { bytes?: number } = {}) => {
      const came = await (await connection()).receive({ bytes, keep: true, timeout: 5_000 });
      return { bytes: came.bytes, end: came.end, sum: adler(came.data ?? new Uint8Array(0)) };
    },
    fin: async () => await (await connection()).shutdown(),
    close: async () => await (await connection()).close(),
    reset: async () => await (await connection()).reset(),
    waitForEnd: async () => await (await connection()).waitForEnd(3_000),
    freePort: () => peer.freePort(),
    status: async () => await (await connection()).status(),
  };
  return {
    port: listener.port,
    far: async (op, arg) => await ops[op]!(arg as never), // each operation knows what it is asked with
    close: async () => {
      // One that is on its way would be accepted after the clearing, and stay.
      await (accepted ?? listener.accept(100)).catch(() => {});
      await peer.clear();
    },
  };
}

/** A far end that speaks TLS: at once, or when the case asks for it. Other ports are the scripted peer's. */
export async function openTlsFarEnd(
  far: TlsFarEnds,
  peer: Peer,
  { secure, alpn }: { secure: boolean; alpn?: string[] },
): Promise<FarEnd> {
  const port = await far.listen(secure, alpn);
  return {
    port,
    far: (op, arg) => op === "freePort" ? peer.freePort() : far.ask(port, op, arg),
    close: async () => void await far.ask(port, "close"),
  };
}

function endsOf({ local, remote }: { local: Address; remote: Address }) {
  return { local: addressText(local), remote: addressText(remote) };
}

/** As the kit's `sum`, which goes to workerd and so cannot be shared. */
function adler(bytes: Uint8Array): number {
  let [a, b] = [1, 0];
  for (const byte of bytes) {
    a = (a + byte) % 65_521;
    b = (b + a) % 65_521;
  }
  return b * 65_536 + a;
}
