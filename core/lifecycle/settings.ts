/**
 * The part of a connection that sets and reads its socket's options.
 *
 * @module
 */
import type { KeepAlive, KeepAliveStatus, TcpInfo } from "../types.ts";
import { SocketError, type SocketOp } from "../errors.ts";
import { boolean, check } from "../check.ts";
import type { ConnectionPlan } from "../options.ts";
import type { ErrorContext } from "../socket_error.ts";
import { type Vital, VITALS, type Vitals } from "../health/vitals.ts";
import { validateKeepAlive } from "../keepalive/validate.ts";
import type { Wire } from "./wire.ts";

/** How a connection is to behave, see `ConnectOptions`. */
export type LifecycleOptions = Pick<ConnectionPlan, "allowHalfOpen" | "readAhead" | "closeTimeout">;

/** Between whom a connection is, and whose errors are to be read. */
export type Ends = Omit<Required<ErrorContext>, "op">;

/** Options of a socket that is open. */
export abstract class Settings implements Vital {
  /** The wire, while it is open; else throws `ENOTCONN`. */
  protected abstract openWire(op: SocketOp): Wire;

  setKeepAlive(options: boolean | KeepAlive): KeepAliveStatus {
    const wishes = validateKeepAlive(options);
    return this.openWire("setKeepAlive").setKeepAlive(wishes);
  }

  getKeepAlive(): KeepAliveStatus {
    return this.openWire("getKeepAlive").getKeepAlive();
  }

  info(): TcpInfo | undefined {
    return this.openWire("tcpInfo").info();
  }

  [VITALS](into: Vitals): boolean {
    try {
      return this.openWire("tcpInfo").vitals(into);
    } catch (error) {
      if (error instanceof SocketError) return false;
      throw error;
    }
  }

  setNoDelay(on = true): void {
    check(on, boolean, "noDelay");
    this.openWire("setNoDelay").setNoDelay(on);
  }
}
