/**
 * A server for cases of TLS and STARTTLS (`tests/oracle/tls_far_end.py`), as
 * tests speak to it.
 *
 * @module
 */
import { certificates } from "./certificates.ts";
import { LineProcess } from "./line_process.ts";

/** One server process. */
export class TlsFarEnds {
  readonly #process = new LineProcess("tls_far_end");

  /** Gives it a certificate (`localhost`, `127.0.0.1`), and us the PEM of the authority to trust it by. */
  async authority(): Promise<string> {
    const { authority, good: { cert, key } } = certificates();
    await this.#process.request("certify", { cert, key });
    return authority.cert;
  }

  /** Listens for one connection: TLS at once, or when `startTls` is asked. Gives the port. */
  async listen(secure: boolean, alpn?: string[]): Promise<number> {
    return (await this.#process.request("listen", { secure, alpn })).value as number;
  }

  /** What the connection at that port is to do. */
  async ask(port: number, op: string, arg?: unknown): Promise<unknown> {
    return (await this.#process.request(op, { port, arg })).value;
  }

  close(): Promise<void> {
    return this.#process.close();
  }
}
