/**
 * Refuses what TLS cannot do on a runtime, before anything is opened.
 *
 * @module
 */
import { type ErrorContext, socketError } from "../socket_error.ts";
import { TLS } from "../tables/tls_capability.ts";
import type { Runtime } from "../types.ts";
import type { ListenTlsPlan, TlsPlan } from "./validate.ts";

/**
 * Refuses TLS as the client, or a part of it.
 *
 * @param plan Of `connect`, or of `startTls`; without `tlsName` nobody asked for TLS.
 * @throws {SocketError} `ENOTSUP`, with what would help.
 */
export function requireTls(plan: { tls?: TlsPlan; tlsName?: string }, context: ErrorContext): void {
  const { tls, tlsName } = plan;
  if (tlsName === undefined) return;
  const { client, clientCert } = TLS[context.runtime as Runtime]; // the adapters give their own name
  if (!client) throw refusal("TLS as the client is", context);
  if (!tls?.identity || clientCert === "always") return;
  if (clientCert === "never") throw refusal("a client certificate is", context);
  if (context.op === "startTls") {
    throw refusal("a client certificate with startTls is", context, "use connect({ tls })");
  }
  if (tls.serverName !== tlsName) {
    throw refusal("a client certificate with another serverName is", context, "use the hostname itself");
  }
}

/**
 * Refuses TLS as the server, or a part of it.
 *
 * @throws {SocketError} `ENOTSUP`.
 */
export function requireListenTls({ tls }: { tls?: ListenTlsPlan }, context: ErrorContext): void {
  if (!tls) return;
  const { server, requestCert } = TLS[context.runtime as Runtime]; // the adapters give their own name
  if (!server) throw refusal("TLS as the server is", context);
  if (tls.requestCert && !requestCert) throw refusal("asking clients for certificates is", context);
}

function refusal(what: string, context: ErrorContext, help?: string): Error {
  const reason = `${what} not possible on ${context.runtime}${help ? `; ${help}` : ""}`;
  return socketError("ENOTSUP", context, undefined, reason);
}
