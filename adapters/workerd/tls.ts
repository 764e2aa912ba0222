/**
 * TLS on workerd: what `cloudflare:sockets` has of it. It trusts what workerd was
 * configured to trust, and tells nothing of what was agreed on.
 *
 * @module
 */
import { Truncation } from "../../core/lifecycle/secure.ts";
import type { Handshake } from "../../core/lifecycle/upgrade.ts";
import type { Side, Sink } from "../../core/lifecycle/wire.ts";
import { type ErrorContext, socketError, toSocketError } from "../../core/socket_error.ts";
import type { TlsPlan } from "../../core/tls/validate.ts";
import type { Grip } from "../shared/base_wire.ts";
import type { WorkerdSocket } from "./host.ts";
import { close, ignore, WorkerdWire } from "./wire.ts";

/**
 * Refuses what `cloudflare:sockets` has no word for. Of `serverName` it has
 * one, `expectedServerHostname`, which it calls unsupported in its log.
 *
 * @param tlsName What is verified by default.
 * @throws {SocketError} `ENOTSUP`.
 */
export function requirePlainTls(plan: TlsPlan | undefined, tlsName: string, context: ErrorContext): void {
  if (!plan) return;
  if (plan.caCerts.length > 0) throw refusal("caCerts: trust is a part of workerd's configuration", context);
  if (plan.alpnProtocols.length > 0) throw refusal("alpnProtocols: it offers none", context);
  if (plan.serverName !== tlsName) throw refusal("serverName: use the name as the hostname", context);
}

function refusal(what: string, context: ErrorContext): Error {
  return socketError("ENOTSUP", context, undefined, `workerd has no way for ${what}`);
}

/**
 * The client's handshake on a socket that is connected, whose plain wire has no
 * read under way.
 *
 * @param done `connect` has made it already: the runtime's own way to TLS from the start tells of a FIN without `close_notify`, `startTls` does not (1.20261117.1).
 */
export function clientHandshake(
  grip: Grip<WorkerdSocket>,
  plain: WorkerdWire,
  context: ErrorContext,
  done: boolean,
): Handshake {
  return () => {
    plain.release();
    const native = done ? grip.native : grip.native.startTls();
    native.closed.catch(ignore);
    const opened = native.opened.then(
      () => ({ info: {}, open: (sink: Sink) => new WorkerdTlsWire({ ...grip, native }, sink) }),
      (cause) => {
        close(native);
        throw explain(cause, context);
      },
    );
    // workerd closes it when the handshake has ended, be it by the peer.
    const drop = () => close(native);
    return { opened, cancel: drop, discard: drop };
  };
}

/** workerd has one text for whatever makes it refuse to connect, and none for what stands against TLS. */
export function explain(cause: unknown, context: ErrorContext): Error {
  const error = toSocketError(cause, context);
  return error.code === "EIO" ? socketError("EIO", context, cause, "workerd does not say why") : error;
}

/** A socket with TLS as a wire. */
class WorkerdTlsWire extends WorkerdWire {
  protected override fail(cause: unknown, side: Side): void {
    // An end without `close_notify` and an RST have one text. Behind our own end it is the former, most likely.
    const ended = side === "read" && this.finished;
    super.fail(ended ? new Truncation(cause) : cause, side);
  }
}
