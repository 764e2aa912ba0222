/**
 * What TLS can do on each runtime. Data.
 *
 * @module
 */
import type { Runtime, TlsCapabilities } from "./names.ts";

/** Measured; what is `false` is refused, or absent. */
export const TLS: Readonly<Record<Runtime, TlsCapabilities>> = {
  node: {
    client: true,
    server: true,
    clientCert: "always",
    requestCert: true,
    info: true,
    truncation: true,
  },
  deno: {
    client: true,
    server: true,
    // Only by `Deno.connectTls`.
    clientCert: "connect",
    requestCert: false,
    info: false,
    truncation: true,
  },
  bun: {
    client: true,
    server: true,
    clientCert: "always",
    requestCert: true,
    info: true,
    truncation: false,
  },
  workerd: {
    client: true,
    server: false,
    clientCert: "never",
    requestCert: false,
    info: false,
    // It is told from `connect({ tls })` on, but not behind `startTls()`.
    truncation: false,
  },
};
