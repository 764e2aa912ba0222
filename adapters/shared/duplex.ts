/**
 * A connection as a Node `Duplex`. `node:stream` is loaded on first use.
 *
 * @module
 */
import type { Connection, ConnectOptions, KeepAliveStatus } from "../../core/types.ts";
import { connectCall, idleTimeout, keepAliveCall } from "../../core/node_arguments.ts";
import { validateConnect } from "../../core/options.ts";
import { socketError } from "../../core/socket_error.ts";
import { type Done, DuplexFlow } from "./duplex_flow.ts";
import { applyKeepAlive, applyNoDelay, hasTarget, nodeAddress, takeOver } from "./duplex_parts.ts";
import type { ConnectionDuplex, ReadyState, StreamAddress } from "./duplex_types.ts";
import { type Builtins, builtins } from "./node_builtins.ts";

/** The adapter's `connect`. */
export type Connect = (options: ConnectOptions) => Promise<Connection>;

/** What makes a stream. */
type Source = { connection: Connection } | { connect: Connect; options: ConnectOptions };

interface DuplexClass {
  new (source: Source): ConnectionDuplex;
}

/** Bytes that the stream holds in each direction before it asks to wait; `net.Socket`'s own are 16 KiB before Node 22. */
const HIGH_WATER = 65_536;

let made: DuplexClass | undefined;

/** The stream over an open connection. */
export function duplexOf(connection: Connection): ConnectionDuplex {
  return new (made ??= duplexClass(builtins()))({ connection });
}

/** A stream that opens its connection itself: at once, or without an address in its `connect()`. */
export function openDuplex(connect: Connect, options: ConnectOptions): ConnectionDuplex {
  return new (made ??= duplexClass(builtins()))({ connect, options });
}

/** The class, whose base is there on first use only. */
function duplexClass(node: Builtins): DuplexClass {
  return class KeepwireDuplex extends node.stream.Duplex {
    readonly #source: Source;
    readonly #flow: DuplexFlow = new DuplexFlow(this, node, () => this.#applySettings());
    #connection: Connection | undefined;
    #dialling: AbortController | undefined;
    /** What is to be set as soon as that is possible. */
    #settings: ((connection: Connection) => void)[] = [];
    #unrefed = false;

    constructor(source: Source) {
      const half = "connection" in source ? takeOver(source.connection) : source.options.allowHalfOpen;
      super({ allowHalfOpen: half ?? false, highWaterMark: HIGH_WATER });
      this.#source = source;
      if ("connection" in source) this.#adopt(source.connection);
      else if (hasTarget(source.options)) this.#dial(source.connect, source.options);
      else validateConnect({ ...source.options, port: 1 }); // all but where to
    }

    get connection(): Connection | undefined {
      return this.#connection;
    }

    get connecting(): boolean {
      return this.#dialling !== undefined;
    }

    get pending(): boolean {
      return this.#connection === undefined;
    }

    get readyState(): ReadyState {
      if (this.connecting) return "opening";
      if (this.pending || this.destroyed) return "closed";
      if (this.readable) return this.writable ? "open" : "readOnly";
      return this.writable ? "writeOnly" : "closed";
    }

    get remoteAddress(): string | undefined {
      return nodeAddress(this.#connection?.remoteAddress).address;
    }

    get remotePort(): number | undefined {
      return nodeAddress(this.#connection?.remoteAddress).port;
    }

    get remoteFamily(): string | undefined {
      return nodeAddress(this.#connection?.remoteAddress).family;
    }

    get localAddress(): string | undefined {
      return nodeAddress(this.#connection?.localAddress).address;
    }

    get localPort(): number | undefined {
      return nodeAddress(this.#connection?.localAddress).port;
    }

    get localFamily(): string | undefined {
      return nodeAddress(this.#connection?.localAddress).family;
    }

    address(): StreamAddress {
      return nodeAddress(this.#connection?.localAddress);
    }

    get bytesRead(): number {
      return this.#flow.bytesRead;
    }

    get bytesWritten(): number {
      return this.#flow.bytesSent + this.writableLength;
    }

    get bufferSize(): number | undefined {
      return this.pending && !this.connecting ? undefined : this.writableLength;
    }

    get timeout(): number | undefined {
      return this.#flow.clock.limit || undefined;
    }

    connect(...args: unknown[]): this {
      const { target, listener } = connectCall(args);
      const source = this.#source;
      if (this.#connection) {
        node.timers.setImmediate(() => this.#announce());
      } else if (!this.connecting && !this.destroyed && "connect" in source) {
        this.#dial(source.connect, { ...source.options, ...target });
      }
      return listener ? this.once("connect", listener) : this;
    }

    setKeepAlive(...args: unknown[]): this {
      const call = keepAliveCall(args);
      this.#set((connection) => applyKeepAlive(connection, call));
      return this;
    }

    getKeepAlive(): KeepAliveStatus {
      if (this.#connection) return this.#connection.getKeepAlive();
      const reason = this.connecting
        ? "the stream is connecting; wait for its 'connect' event"
        : "the stream has no connection; call its connect()";
      throw socketError("ENOTCONN", { op: "getKeepAlive" }, undefined, reason);
    }

    setNoDelay(on = true): this {
      this.#set((connection) => applyNoDelay(connection, Boolean(on)));
      return this;
    }

    setTimeout(milliseconds: number, listener?: () => void): this {
      this.#flow.clock.limit = idleTimeout(milliseconds);
      if (listener === undefined) return this;
      return milliseconds === 0 ? this.off("timeout", listener) : this.once("timeout", listener);
    }

    ref(): this {
      this.#unrefed = false;
      this.#connection?.ref();
      return this;
    }

    unref(): this {
      this.#unrefed = true;
      this.#connection?.unref();
      return this;
    }

    destroySoon(): void {
      if (this.writable) this.end();
      if (this.writableFinished) this.destroy();
      else this.once("finish", () => this.destroy());
    }

    resetAndDestroy(): this {
      this.#connection?.abort();
      return this.destroy();
    }

    override _read(): void {
      this.#flow.read();
    }

    override _write(chunk: Uint8Array, _encoding: string, done: Done): void {
      this.#flow.write([chunk], done);
    }

    override _writev(entries: { chunk: Uint8Array }[], done: Done): void {
      this.#flow.write(entries.map(({ chunk }) => chunk), done);
    }

    override _final(done: Done): void {
      this.#flow.finish(done);
    }

    override _destroy(error: Error | null, done: Done): void {
      this.#dialling?.abort();
      this.#dialling = undefined;
      this.#flow.destroy(error, done);
    }

    #dial(connect: Connect, options: ConnectOptions): void {
      validateConnect(options);
      const { signal } = this.#dialling = new AbortController();
      const both = options.signal ? AbortSignal.any([signal, options.signal]) : signal;
      // The stream ends the connection: a FIN of the connection's own would cut off what is queued in the stream.
      connect({ ...options, allowHalfOpen: true, signal: both }).then(
        (connection) => this.#connected(connection),
        (error) => {
          this.#dialling = undefined;
          this.destroy(error);
        },
      );
    }

    #connected(connection: Connection): void {
      if (this.destroyed) return connection.abort();
      this.#dialling = undefined;
      this.#adopt(connection);
      if (this.#unrefed) connection.unref();
      this.#applySettings();
      this.#announce();
      if (!this.destroyed) this.#flow.start();
    }

    #adopt(connection: Connection): void {
      this.#connection = connection;
      this.#flow.open(connection);
    }

    #announce(): void {
      if (this.destroyed) return;
      this.emit("connect");
      this.emit("ready");
    }

    /** Sets now, or as soon as that is possible. On a closed connection there is nothing to set. */
    #set(apply: (connection: Connection) => void): void {
      if (this.destroyed) return;
      try {
        if (this.#connection) apply(this.#connection);
        else this.#settings.push(apply);
      } catch (error) {
        const { code } = error as { code?: unknown };
        // Deno without FFI sets nothing while a write is pending.
        if (code === "EBUSY" && this.writableLength > 0) this.#settings.push(apply);
        else if (code !== "ENOTCONN") throw error;
      }
    }

    #applySettings(): void {
      if (this.#settings.length === 0) return;
      const settings = this.#settings;
      this.#settings = [];
      try {
        for (const apply of settings) this.#set(apply);
      } catch (error) {
        this.destroy(error as Error); // a setter throws nothing else
      }
    }
  } as unknown as DuplexClass; // one method takes what several overloads of the interface say
}
