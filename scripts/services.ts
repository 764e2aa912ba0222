/**
 * Sees to it that the servers are there that the clients are tested against.
 *
 * ```sh
 * deno run -A scripts/services.ts
 * ```
 *
 * @module
 */

import { canInstall, installPackages } from "./debian.ts";
import { run } from "./process.ts";

/** A server's program, and the Debian package that has it. */
interface Service {
  name: string;
  /** Where the program may be, besides the folders that commands are found in. */
  program: string;
  folders?: string[];
  package: string;
}

const SERVICES: readonly Service[] = [
  { name: "PostgreSQL", program: "initdb", folders: ["/usr/lib/postgresql/*/bin"], package: "postgresql" },
  { name: "MariaDB", program: "mariadbd", folders: ["/usr/sbin"], package: "mariadb-server" },
  { name: "Redis", program: "redis-server", package: "redis-server" },
  { name: "Mosquitto", program: "mosquitto", folders: ["/usr/sbin"], package: "mosquitto" },
  { name: "NATS", program: "nats-server", folders: ["/usr/sbin"], package: "nats-server" },
];

/**
 * Installs what is missing on Debian, as root, and returns the folder of each
 * program by its name; what is not there is left out.
 */
export async function ensureServices(
  say: (line: string) => void = console.log,
): Promise<Map<string, string>> {
  const missing = await missingOf(await folders());
  if (missing.length > 0 && await canInstall()) {
    const failed = await installPackages(missing.map((service) => service.package), say);
    if (failed) say(failed);
  }
  const found = await folders();
  for (const { name, program } of await missingOf(found)) say(`${name} is missing: there is no ${program}`);
  return found;
}

async function folders(): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const { name, program, folders = [] } of SERVICES) {
    // A folder of one version first: what is on the path may be a wrapper that picks another one.
    const places = [...folders, ...(Deno.env.get("PATH") ?? "").split(":")];
    const listed = await run(["sh", "-c", `ls -d ${places.map((place) => `${place}/${program}`).join(" ")}`]);
    const [first] = listed.stdout.trim().split("\n");
    if (first) found.set(name, first.slice(0, -program.length - 1));
  }
  return found;
}

function missingOf(found: Map<string, string>): Service[] {
  return SERVICES.filter(({ name }) => !found.has(name));
}

if (import.meta.main) await ensureServices();
