/**
 * What the cases of the standard `connect` are given: one set of tools for
 * every runtime, workerd's own `connect` included. It goes there as text, and
 * so do the cases: both use nothing but their parameters.
 *
 * @module
 */
import type { SocketOptions, StartTlsSocketOptions } from "../../sockets.ts";

/** A socket, ours or workerd's. */
export interface AnyStandardSocket {
  readable: ReadableStream<Uint8Array>;
  writable: WritableStream<unknown>;
  opened: Promise<{ remoteAddress?: string; localAddress?: string | null; alpn?: string | null }>;
  closed: Promise<void>;
  upgraded: boolean;
  secureTransport: string;
  close(reason?: unknown): Promise<void>;
  startTls(options?: StartTlsSocketOptions & Record<string, unknown>): AnyStandardSocket;
}

/** What a far end has received. */
export interface FarReceived {
  bytes: number;
  sum: number;
  end: string;
}

/** What the far end can be asked: it lives in the test process, whoever connects. */
export type FarOp =
  | "accept"
  | "write"
  | "send"
  | "text"
  | "receive"
  | "fin"
  | "close"
  | "reset"
  | "waitForEnd"
  | "freePort"
  | "startTls"
  | "status";

/** How a promise has settled, if it has. */
export interface Outcome {
  pending: boolean;
  ok: boolean;
  // deno-lint-ignore no-explicit-any -- whatever it was
  value?: any;
  // deno-lint-ignore no-explicit-any -- whatever it was
  error?: any;
}

/** Tools of a case. */
export interface SocketKit {
  /** Where the far end listens, and the certificate it is to be trusted by. */
  port: number;
  caCerts: string[];
  /** workerd's own `connect`, which has only the options of the standard. */
  bare: boolean;
  /** Whether a native read that waits can be called back, for TLS to take the socket over. */
  withdraws: boolean;
  // deno-lint-ignore no-explicit-any -- cases pass what is wrong, too
  raw: (address: any, options?: any) => AnyStandardSocket;
  /** The constructor of sockets. */
  // deno-lint-ignore no-explicit-any -- only to see that it cannot be called
  Socket: any;
  /** Connects to the far end. */
  connect(options?: SocketOptions): AnyStandardSocket;
  // deno-lint-ignore no-explicit-any -- each operation has its own
  far(op: FarOp, arg?: any): Promise<any>;
  /** Waits for the far end to have accepted. */
  accept(): Promise<{ local: string; remote: string; sni?: string; alpn?: string }>;
  equal(actual: unknown, expected: unknown, what: string): void;
  ok(value: unknown, what: string): void;
  /** What has become of it after some milliseconds at most. */
  outcome(promise: Promise<unknown>, milliseconds?: number): Promise<Outcome>;
  /** What it gives, soon. */
  value<T>(promise: Promise<T>, what: string): Promise<T>;
  /** What it rejects with, soon. */
  // deno-lint-ignore no-explicit-any -- errors of two implementations
  error(promise: Promise<unknown>, what: string): Promise<any>;
  pending(promise: Promise<unknown>, what: string): Promise<void>;
  /** What a call throws. */
  // deno-lint-ignore no-explicit-any -- errors of two implementations
  thrown(call: () => unknown, what: string): any;
  /** A `SocketError` of that code. */
  socketError(error: unknown, code: string, what: string): void;
  sleep(milliseconds: number): Promise<void>;
  /** Bytes that tell their place, and their sum. */
  bytes(length: number): Uint8Array<ArrayBuffer>;
  sum(bytes: Uint8Array): number;
  text(bytes: Uint8Array | undefined): string;
  /** Reads exactly so many bytes as text. */
  readText(reader: ReadableStreamDefaultReader<Uint8Array>, length: number): Promise<string>;
}

/** Makes the tools. Self-contained, for its text goes to workerd. */
export function makeSocketKit(
  given: Pick<SocketKit, "raw" | "Socket" | "far" | "port" | "caCerts" | "bare" | "withdraws">,
): SocketKit {
  const SOON = 2_500;
  const sleep = (milliseconds: number) => new Promise<void>((resolve) => setTimeout(resolve, milliseconds));
  const show = (value: unknown) =>
    value instanceof Error ? `${value.name}: ${value.message}` : JSON.stringify(value) ?? String(value);
  const fail = (text: string): never => {
    throw new Error(text);
  };
  const outcome = (promise: Promise<unknown>, milliseconds = SOON): Promise<Outcome> => {
    const settled = promise.then(
      (value) => ({ pending: false, ok: true, value }),
      (error) => ({ pending: false, ok: false, error }),
    );
    return Promise.race([settled, sleep(milliseconds).then(() => ({ pending: true, ok: false }))]);
  };
  const kit: SocketKit = {
    ...given,
    // workerd knows the trusted certificates from its configuration.
    connect: (options = {}) => {
      const secure = options.secureTransport === "on" || options.secureTransport === "starttls";
      const { caCerts } = given;
      return given.raw(`127.0.0.1:${given.port}`, secure && !given.bare ? { caCerts, ...options } : options);
    },
    accept: () => given.far("accept"),
    equal(actual, expected, what) {
      if (show(actual) !== show(expected)) fail(`${what} is ${show(actual)}, not ${show(expected)}`);
    },
    ok(value, what) {
      if (!value) fail(what);
    },
    outcome,
    async value(promise, what) {
      const found = await outcome(promise);
      if (found.pending) fail(`${what} stays pending`);
      if (!found.ok) fail(`${what} rejects with ${show(found.error)}`);
      return found.value;
    },
    async error(promise, what) {
      const found = await outcome(promise);
      if (found.pending) fail(`${what} stays pending`);
      if (found.ok) fail(`${what} gives ${show(found.value)}`);
      return found.error;
    },
    async pending(promise, what) {
      const found = await outcome(promise, 150);
      if (!found.pending) fail(`${what} ${found.ok ? "resolves" : `rejects with ${show(found.error)}`}`);
    },
    thrown(call, what) {
      try {
        call();
      } catch (error) {
        return error;
      }
      return fail(`${what} throws nothing`);
    },
    socketError(error, code, what) {
      if (!(error instanceof TypeError)) fail(`${what} is no TypeError: ${show(error)}`);
      const { name, code: found } = error as Error & { code?: string };
      if (name !== "SocketError") fail(`${what} is no SocketError: ${show(error)}`);
      if (found !== code) fail(`${what} has the code ${found}, not ${code}`);
    },
    sleep,
    bytes(length) {
      const made = new Uint8Array(length);
      for (let i = 0; i < length; i++) made[i] = (i * 31 + (i >> 8) * 7 + (i >> 16)) & 0xff;
      return made;
    },
    // Adler's, of which any order but the right one gives another.
    sum(bytes) {
      let [a, b] = [1, 0];
      for (const byte of bytes) {
        a = (a + byte) % 65_521;
        b = (b + a) % 65_521;
      }
      return b * 65_536 + a;
    },
    text: (bytes) => new TextDecoder().decode(bytes),
    async readText(reader, length) {
      let found = "";
      while (found.length < length) {
        const { done, value } = await kit.value(reader.read(), `the read after ${show(found)}`);
        if (done) fail(`the stream ends after ${show(found)}`);
        found += kit.text(value);
      }
      return found;
    },
  };
  return kit;
}
