/**
 * What the files of `tests/clients` share: the clients, and the servers that
 * they talk to, started once for a file.
 *
 * @module
 */
import { chmodSync, cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { bundleDrivers, installClients } from "../../scripts/clients.ts";
import { ensureServices } from "../../scripts/services.ts";
import { closeLineProcesses } from "../kit/line_process.ts";
import { Oracle } from "../kit/oracle.ts";
import { repositoryPath } from "../kit/runtime.ts";
import { type CertificateFiles, writeCertificates } from "./certificates.ts";
import { type Server, type ServerName, SERVERS } from "./servers.ts";
import { CLIENTS } from "./table.ts";

/** Servers that cannot be started for want of their program are left out. */
export interface Hall {
  servers: Map<ServerName, Server>;
  oracle: Oracle;
  certificates: CertificateFiles;
  directory: string;
}

let opened: Promise<Hall> | undefined;

/** Everything, made when it is asked for first. */
export function hall(): Promise<Hall> {
  return opened ??= open();
}

/** Stops the servers. */
export async function closeHall(): Promise<void> {
  const there = await opened?.catch(() => undefined);
  await Promise.all([...there?.servers.values() ?? []].map((server) => server.stop()));
  if (there) rmSync(there.directory, { recursive: true, force: true });
  await closeLineProcesses();
}

async function open(): Promise<Hall> {
  await installClients();
  const programs = await ensureServices();
  cpSync(repositoryPath("tests/clients/drivers"), repositoryPath(".runtimes/clients/drivers"), {
    recursive: true,
  });
  await bundleDrivers(CLIENTS.filter(({ standard }) => standard).map(({ name }) => name));
  const directory = mkdtempSync(`${tmpdir()}/keepwire-`);
  // Servers that run as users of their own look into it.
  chmodSync(directory, 0o755);
  const certificates = writeCertificates(directory);
  const servers = new Map<ServerName, Server>();
  await Promise.all((Object.keys(SERVERS) as ServerName[]).map(async (name) => { // it has no other keys
    const { start, program } = SERVERS[name];
    if (program && !programs.has(program)) return;
    servers.set(name, await start({ programs, directory, certificates }));
  }));
  return { servers, oracle: Oracle.start(), certificates, directory };
}
