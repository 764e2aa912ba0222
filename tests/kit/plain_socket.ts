/**
 * Sockets by this runtime's `node:net`, without the library.
 *
 * @module
 */
import { connect as netConnect, createServer, type Server, type Socket } from "node:net";
import type { Address } from "../../core/types.ts";
import type { PeerListener } from "./peer.ts";
import { withTimeout } from "./time.ts";

/** A plain socket of this runtime, connected to the peer. */
export async function plainSocket(
  listener: PeerListener,
  allowHalfOpen = false,
): Promise<Socket> {
  const socket = netConnect({
    port: listener.port,
    host: "127.0.0.1",
    allowHalfOpen,
  });
  await withTimeout(
    new Promise<void>((resolve, reject) => {
      socket.once("connect", () => resolve());
      socket.once("error", reject);
    }),
    5_000,
    "Connecting",
  );
  socket.on("error", () => {});
  return socket;
}

/** A plain server that reads and drops what comes. */
export async function plainServer(host: string): Promise<Server> {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.resume();
  });
  await new Promise<void>((resolve) => server.listen(0, host, () => resolve()));
  return server;
}

/** Its two addresses, as the library writes them. */
export function ends(
  socket: Socket,
): { localAddress: Address; remoteAddress: Address } {
  const tcp = (hostname: string, port: number): Address => ({
    transport: "tcp",
    hostname,
    port,
  });
  return {
    localAddress: tcp(socket.localAddress!, socket.localPort!),
    remoteAddress: tcp(socket.remoteAddress!, socket.remotePort!),
  };
}
