/**
 * A process of any pinned runtime that runs one client through the library.
 *
 * @module
 */
import { spawn } from "node:child_process";
import { runtime, type RuntimeName } from "../../scripts/runtimes.ts";
import { Driver } from "../kit/driver.ts";
import { python, repositoryPath } from "../kit/runtime.ts";
import type { Client, Mode } from "./table.ts";

/** What a driver is given. */
export interface Settings {
  modes: readonly Mode[];
  ports: { plain: number; tls: number };
  ca: string;
  /** How many bytes go each way. */
  bytes: number;
}

/** A line of a driver. */
export interface Said {
  event: "ready" | "open" | "exchanged" | "closed" | "failed";
  mode?: Mode;
  dials?: number;
  ends?: { local: string; remote: string }[];
  told?: unknown;
  sent?: string;
  back?: string;
  read?: number;
  written?: number;
  error?: string;
}

/** Starts the driver of `client`, which lies beside the clients so that it finds them. */
export function startClient(client: Client, name: RuntimeName, settings: Settings): Driver {
  const { kind, binary } = runtime(name);
  const koffi = kind === "node" && name !== "node26";
  const built = koffi ? ".runtimes/with_koffi/esm" : "npm/esm";
  const entry = (name: string) =>
    `file://${repositoryPath(kind === "deno" ? `${name}.ts` : `${built}/${name}.js`)}`;
  const entries = { nodeStream: entry("node_stream"), sockets: entry("sockets") };
  const flags = kind === "deno" ? ["run", "-A", "--no-check"] : [];
  const file = repositoryPath(
    `.runtimes/clients/drivers/${client.name}${client.standard ? ".bundle" : ""}.mjs`,
  );
  const command = [binary, ...flags, file, JSON.stringify({ ...settings, ...entries })];
  const child = spawn(python(), ["-B", repositoryPath("tests/oracle/leash.py"), "--", ...command], {
    env: { ...process.env, NO_COLOR: "1", NODE_NO_WARNINGS: "1" },
    stdio: ["pipe", "pipe", "pipe"],
  });
  return new Driver(child, 60_000, () => {});
}
