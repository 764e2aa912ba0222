/**
 * A connection with its two web streams, which are made when somebody asks for
 * them.
 *
 * @module
 */
import type { Connection, StartTlsOptions, TlsInfo } from "../types.ts";
import { socketError } from "../socket_error.ts";
import { ByteReadable } from "../streams/readable.ts";
import { writableOver } from "../streams/writable.ts";
import { Lifecycle } from "./connection.ts";
import { rejected } from "./promises.ts";

/** What an adapter's `connect` and `accept` give. */
export class StreamedConnection extends Lifecycle implements Connection {
  /** Reads of `connection` that wait are given up, and get their end: another takes over. */
  static withdrawReads(connection: Connection): void {
    if (!(connection instanceof StreamedConnection)) return;
    const { reading, failure } = connection.inside;
    if (failure === undefined) reading.withdraw();
  }

  #readable: ByteReadable | undefined;
  #writable: WritableStream<Uint8Array> | undefined;

  get readable(): ReadableStream<Uint8Array> {
    this.#readable ??= new ByteReadable({
      read: (buffer) => super.read(buffer),
      next: () => super.next(),
      cancel: () => this.ignoreRest(),
    });
    return this.#readable.stream;
  }

  get writable(): WritableStream<Uint8Array> {
    return this.#writable ??= writableOver<Uint8Array>({
      // Anything else is refused by the write.
      size: (chunk) => chunk instanceof Uint8Array ? chunk.length : 0,
      write: (chunk) => this.write(chunk),
      close: () => this.closeWrite(),
      abort: (reason) => this.abort(reason),
      failed: this.closed,
    });
  }

  get tls(): TlsInfo | undefined {
    return undefined;
  }

  startTls(_options?: StartTlsOptions): Promise<Connection> {
    const reason = 'it takes a connection that connect has opened with tls: "starttls"';
    return rejected(socketError("ENOTSUP", { ...this.ends, op: "startTls" }, undefined, reason));
  }

  override read(buffer: Uint8Array): Promise<number | null> {
    return this.#readable?.busy ? refused() : super.read(buffer);
  }

  protected override next(): Promise<IteratorResult<Uint8Array>> {
    return this.#readable?.busy ? refused() : super.next();
  }
}

function refused(): Promise<never> {
  return rejected(new TypeError("Cannot read: readable is locked, or holds bytes that come before"));
}
