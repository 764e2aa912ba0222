/**
 * Compares what the adapters and the main door export, parameter by
 * parameter. Nothing runs: `deno check` fails here when they differ, and names
 * the export. An adapter that loses a parameter of the contract is assignable
 * to it, and nothing else would notice.
 *
 * @module
 */

type Node = typeof import("../../adapters/node/mod.ts");
type Deno = typeof import("../../adapters/deno/mod.ts");
type Bun = typeof import("../../adapters/bun/mod.ts");
type Workerd = typeof import("../../adapters/workerd/mod.ts");
type Main = typeof import("../../mod.ts");

/** Whether two types are identical: number of parameters, optionality and `readonly` included. */
type Identical<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false;

/** The names of the exports that differ, or that only one of the two has. */
type Differing<A, B> = {
  [Name in keyof A | keyof B]: Name extends keyof A & keyof B
    ? Identical<A[Name], B[Name]> extends true ? never : Name
    : Name;
}[keyof A | keyof B];

/** Fails to compile with the names in the message. */
type None<Names extends never> = Names;

/** All adapters and the main door. */
export type Same = [
  None<Differing<Node, Deno>>,
  None<Differing<Node, Bun>>,
  None<Differing<Node, Workerd>>,
  None<Differing<Node, Main>>,
];

/** The contract: every entry has these values. */
export type Complete = None<
  Exclude<
    | "connect"
    | "listen"
    | "setKeepAlive"
    | "getKeepAlive"
    | "tcpInfo"
    | "watchHealth"
    | "capabilities"
    | "SocketError"
    | "UnsupportedOptionError",
    keyof Main
  >
>;

// The comparison itself, on what it has to notice. Each line below must be an error.

interface Contract {
  open(port: number, options?: { idle?: number }): void;
}

/** Proofs that each difference is seen. */
export type Seen = [
  None<Differing<Contract, Contract>>,
  // @ts-expect-error -- a lost parameter
  None<Differing<Contract, { open(port: number): void }>>,
  // @ts-expect-error -- an optional parameter that became required
  None<Differing<Contract, { open(port: number, options: { idle?: number }): void }>>,
  // @ts-expect-error -- a lost option
  None<Differing<Contract, { open(port: number, options?: Record<never, never>): void }>>,
  // @ts-expect-error -- a wider result
  None<Differing<Contract, { open(port: number, options?: { idle?: number }): unknown }>>,
  // @ts-expect-error -- an export that only one has
  None<Differing<Contract, Contract & { close(): void }>>,
];
