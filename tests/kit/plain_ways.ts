/**
 * The ways to open a plain socket that this runtime has, without the library:
 * `net.Socket` everywhere, `Deno.TcpConn`, Bun's `Socket`. Cases are run for
 * each way there is.
 *
 * @module
 */
import { connect as netConnect, createServer, Socket } from "node:net";
import type { Address } from "../../core/types.ts";

/** Where to connect to, or to listen. */
export type Target = { hostname: string; port: number } | { path: string };

/** A socket of the runtime's own. A Unix socket's addresses are of no use. */
export interface PlainSocket {
  /** What is given to the library. */
  readonly socket: object;
  readonly localAddress: Address;
  readonly remoteAddress: Address;
  /** Writes, and waits for nothing. */
  write(data: Uint8Array): void;
  /** Sends a FIN. */
  shutdown(): void;
  /** Closes it, whatever is pending. Twice is fine. */
  close(): void;
}

/** A listener of the runtime's own. */
export interface PlainListener {
  /** What is given to the library, to be refused. */
  readonly listener: object;
  /** 0 of a Unix socket. */
  readonly port: number;
  /** The next connection, in their order. */
  accept(): Promise<PlainSocket>;
  /** Those that were not accepted are closed too. */
  close(): void;
}

/** One way. */
export interface PlainWay {
  /** The name of the class. */
  name: string;
  connect(target: Target): Promise<PlainSocket>;
  listen(target: Target): Promise<PlainListener>;
  /** A socket that is not connected and not connecting, where there is such. */
  unopened?(): { socket: object; close(): void };
  /** A socket that is connecting, where one has it in hand. */
  connecting?(target: Target): { socket: object; connected: Promise<unknown>; close(): void };
}

function tcp(hostname = "", port = 0): Address {
  return { transport: "tcp", hostname: hostname.replace(/^::ffff:(?=\d+\.)/i, ""), port };
}

const ignore = () => {};

/** What comes is handed out in its order, to whoever waits longest. */
class Arrivals {
  readonly #come: PlainSocket[] = [];
  readonly #waiting: ((one: PlainSocket) => void)[] = [];

  add(one: PlainSocket): void {
    const waiting = this.#waiting.shift();
    if (waiting) waiting(one);
    else this.#come.push(one);
  }

  next(): Promise<PlainSocket> {
    const come = this.#come.shift();
    return come === undefined ? new Promise((resolve) => this.#waiting.push(resolve)) : Promise.resolve(come);
  }

  /** Closes those that nobody took. */
  close(): void {
    for (const one of this.#come.splice(0)) one.close();
  }
}

// node:net

function ofNet(socket: Socket): PlainSocket {
  socket.on("error", ignore).resume();
  return {
    socket,
    // Asked at once: a closed one does not know them any more.
    localAddress: tcp(socket.localAddress, socket.localPort),
    remoteAddress: tcp(socket.remoteAddress, socket.remotePort),
    write: (data) => void socket.write(data),
    shutdown: () => void socket.end(),
    close: () => void socket.destroy(),
  };
}

function netTarget(target: Target): { path: string } | { host: string; port: number } {
  return "path" in target ? target : { host: target.hostname, port: target.port };
}

function netConnecting(target: Target): Socket {
  return netConnect({ ...netTarget(target), allowHalfOpen: true });
}

const NET: PlainWay = {
  name: "net.Socket",
  connect: async (target) => {
    const socket = netConnecting(target);
    await new Promise<void>((resolve, reject) => void socket.once("connect", resolve).once("error", reject));
    return ofNet(socket);
  },
  listen: async (target) => {
    const arrivals = new Arrivals();
    const server = createServer({ allowHalfOpen: true }, (socket) => arrivals.add(ofNet(socket)));
    await new Promise<void>((resolve, reject) =>
      void server.once("error", reject).listen(netTarget(target), resolve)
    );
    const address = server.address();
    return {
      listener: server,
      port: typeof address === "object" ? address?.port ?? 0 : 0,
      accept: () => arrivals.next(),
      close: () => {
        server.close();
        arrivals.close();
      },
    };
  },
  unopened: () => {
    const socket = new Socket();
    return { socket, close: () => void socket.destroy() };
  },
  connecting: (target) => {
    const socket = netConnecting(target).on("error", ignore);
    const connected = new Promise((resolve) => socket.once("connect", resolve));
    return { socket, connected, close: () => void socket.destroy() };
  },
};

// Deno

interface DenoAddr {
  transport: string;
  hostname?: string;
  port?: number;
}

interface DenoConn {
  localAddr: DenoAddr;
  remoteAddr: DenoAddr;
  write(data: Uint8Array): Promise<number>;
  closeWrite(): Promise<void>;
  close(): void;
}

interface DenoApi {
  connect(options: object): Promise<DenoConn>;
  listen(options: object): { addr: DenoAddr; accept(): Promise<DenoConn>; close(): void };
}

function ofDeno(conn: DenoConn): PlainSocket {
  let open = true;
  return {
    socket: conn,
    localAddress: tcp(conn.localAddr.hostname, conn.localAddr.port),
    remoteAddress: tcp(conn.remoteAddr.hostname, conn.remoteAddr.port),
    write: (data) => void conn.write(data).catch(ignore),
    shutdown: () => void conn.closeWrite().catch(ignore),
    close: () => {
      if (open) conn.close();
      open = false;
    },
  };
}

function denoWay(deno: DenoApi): PlainWay {
  const targetOf = (target: Target) => "path" in target ? { transport: "unix", ...target } : target;
  return {
    name: "Deno.TcpConn",
    connect: async (target) => ofDeno(await deno.connect(targetOf(target))),
    listen: (target) => {
      const listener = deno.listen(targetOf(target));
      return Promise.resolve({
        listener,
        port: listener.addr.port ?? 0,
        accept: async () => ofDeno(await listener.accept()),
        close: () => listener.close(),
      });
    },
  };
}

// Bun

interface BunSocket {
  localAddress?: string;
  localPort?: number;
  remoteAddress?: string;
  remotePort?: number;
  write(data: Uint8Array): number;
  shutdown(): void;
  terminate(): void;
}

interface BunApi {
  connect(options: object): Promise<BunSocket>;
  listen(options: object): { port: number; stop(closeActive: boolean): void };
}

function ofBun(socket: BunSocket): PlainSocket {
  return {
    socket,
    localAddress: tcp(socket.localAddress, socket.localPort),
    remoteAddress: tcp(socket.remoteAddress, socket.remotePort),
    write: (data) => void socket.write(data),
    shutdown: () => socket.shutdown(),
    close: () => socket.terminate(),
  };
}

function bunWay(bun: BunApi): PlainWay {
  const handlers = { data: ignore, close: ignore, error: ignore, drain: ignore, end: ignore };
  const targetOf = (target: Target) => "path" in target ? { unix: target.path } : target;
  return {
    name: "Bun's Socket",
    connect: async (target) =>
      ofBun(await bun.connect({ ...targetOf(target), allowHalfOpen: true, socket: handlers })),
    listen: (target) => {
      const arrivals = new Arrivals();
      const open = (socket: BunSocket) => arrivals.add(ofBun(socket));
      const server = bun.listen({
        ...targetOf(target),
        allowHalfOpen: true,
        socket: { ...handlers, open },
      });
      return Promise.resolve({
        listener: server,
        port: server.port ?? 0,
        accept: () => arrivals.next(),
        close: () => {
          server.stop(true);
          arrivals.close();
        },
      });
    },
  };
}

const { Deno: deno, Bun: bun } = globalThis as { Deno?: DenoApi; Bun?: BunApi };

/** Every way there is here. */
export const PLAIN_WAYS: readonly PlainWay[] = [
  NET,
  ...(deno ? [denoWay(deno)] : []),
  ...(bun ? [bunWay(bun)] : []),
];
