/**
 * The servers that clients are tested against: instances of our own, each
 * plain and with TLS, and what each of them says of a client's connection.
 *
 * @module
 */
import { execFile, execFileSync } from "node:child_process";
import { chmodSync, cpSync, mkdirSync, writeFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import process from "node:process";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";
import type { CertificateFiles } from "./certificates.ts";
import { freePorts, ServerProcess } from "./server_process.ts";

/** One server. */
export interface Server {
  ports: { plain: number; tls: number };
  /** What it says of the connection from this port: whether it is there, and with which TLS, if it tells. */
  sees(port: number, told: unknown): Promise<{ there: boolean; tls: boolean | undefined }>;
  stop(): Promise<void>;
}

/** Where servers find their programs, and where they may write. */
export interface Place {
  programs: Map<string, string>;
  directory: string;
  certificates: CertificateFiles;
}

const execute = promisify(execFile);
const asRoot = process.getuid?.() === 0;

/** PostgreSQL does not run as root. */
const asUser = (user: string): string[] =>
  asRoot ? ["setpriv", `--reuid=${user}`, `--regid=${user}`, "--clear-groups", "--"] : [];

/** A folder of a server's own, with the certificates in it. */
function home({ directory, certificates }: Place, name: string, user?: string): string {
  const folder = `${directory}/${name}`;
  mkdirSync(folder);
  for (const file of [certificates.authority, certificates.certificate, certificates.key]) {
    cpSync(file, `${folder}/${file.split("/").at(-1)}`);
  }
  chmodSync(`${folder}/server.key`, 0o600);
  if (user && asRoot) execFileSync("chown", ["-R", `${user}:${user}`, folder]);
  return folder;
}

async function answers(command: string, ...args: string[]): Promise<string> {
  return (await execute(command, args)).stdout.trim();
}

async function postgres(place: Place): Promise<Server> {
  const folder = home(place, "postgres", "postgres");
  const bin = place.programs.get("PostgreSQL")!; // asked before
  const { port } = await freePorts("port");
  const as = asUser("postgres");
  const [program, ...args] = [
    ...as,
    `${bin}/initdb`,
    "-D",
    `${folder}/data`,
    "-U",
    "postgres",
    "-A",
    "trust",
    "-N",
  ];
  await execute(program, args, { cwd: folder });
  const options = {
    listen_addresses: "127.0.0.1",
    unix_socket_directories: "",
    fsync: "off",
    ssl: "on",
    ssl_cert_file: `${folder}/server.pem`,
    ssl_key_file: `${folder}/server.key`,
  };
  const flags = Object.entries(options).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const server = new ServerProcess([
    ...as,
    `${bin}/postgres`,
    "-D",
    `${folder}/data`,
    "-p",
    `${port}`,
    ...flags,
  ]);
  const ask = (sql: string) =>
    answers(`${bin}/psql`, "-h", "127.0.0.1", "-p", `${port}`, "-U", "postgres", "-Atc", sql);
  await server.started(async () => await ask("select 1") === "1");
  return {
    ports: { plain: port, tls: port },
    async sees(clientPort) {
      const row = await ask(
        "select ssl from pg_stat_activity join pg_stat_ssl using (pid) " +
          `where client_port = ${clientPort}`,
      );
      return { there: row !== "", tls: row === "t" };
    },
    stop: () => server.stop(),
  };
}

async function mariadb(place: Place): Promise<Server> {
  const folder = home(place, "mariadb", "mysql");
  const user = asRoot ? ["--user=mysql"] : [];
  const data = `--datadir=${folder}/data`;
  await execute("mariadb-install-db", ["--no-defaults", data, ...user, "--skip-test-db"]);
  const { port } = await freePorts("port");
  writeFileSync(
    `${folder}/first.sql`,
    "create user keepwire@'127.0.0.1' identified by 'keepwire';\n" +
      "grant all on *.* to keepwire@'127.0.0.1';\n",
  );
  const server = new ServerProcess([
    `${place.programs.get("MariaDB")}/mariadbd`,
    "--no-defaults",
    data,
    ...user,
    `--port=${port}`,
    "--bind-address=127.0.0.1",
    // Else 127.0.0.1 is localhost, where anybody may come, and as nobody.
    "--skip-name-resolve",
    `--socket=${folder}/socket`,
    "--max-allowed-packet=64M",
    // A handshake that does not go on.
    "--connect-timeout=4",
    `--init-file=${folder}/first.sql`,
    `--ssl-ca=${folder}/ca.pem`,
    `--ssl-cert=${folder}/server.pem`,
    `--ssl-key=${folder}/server.key`,
  ]);
  const ask = (sql: string) =>
    answers("mariadb", "-h", "127.0.0.1", "-P", `${port}`, "-u", "keepwire", "-pkeepwire", "-NBe", sql);
  await server.started(async () => await ask("select 1") === "1");
  return {
    ports: { plain: port, tls: port },
    async sees(clientPort, told) {
      const row = await ask(
        `select count(*) from information_schema.processlist where host = '127.0.0.1:${clientPort}'`,
      );
      // The session's own status, which only the session can ask for.
      return { there: row === "1", tls: String(told).startsWith("TLS") };
    },
    stop: () => server.stop(),
  };
}

async function redis(place: Place): Promise<Server> {
  const folder = home(place, "redis");
  const ports = await freePorts("plain", "tls");
  const files = ["ca-cert-file", "ca.pem", "cert-file", "server.pem", "key-file", "server.key"];
  const tls = files.map((text, index) => index % 2 ? `${folder}/${text}` : `--tls-${text}`);
  const server = new ServerProcess([
    `${place.programs.get("Redis")}/redis-server`,
    ...["--port", `${ports.plain}`, "--tls-port", `${ports.tls}`, "--bind", "127.0.0.1", "--save", ""],
    ...["--dir", folder, "--tls-auth-clients", "no", ...tls],
  ]);
  const ask = (...words: string[]) => answers("redis-cli", "-p", `${ports.plain}`, ...words);
  await server.started(async () => await ask("ping") === "PONG");
  return {
    ports,
    async sees(clientPort) {
      const line = (await ask("client", "list")).split("\n").find((one) =>
        one.includes(` addr=127.0.0.1:${clientPort} `)
      );
      // Behind this port it speaks nothing but TLS.
      return { there: line !== undefined, tls: line?.includes(` laddr=127.0.0.1:${ports.tls} `) };
    },
    stop: () => server.stop(),
  };
}

async function mosquitto(place: Place): Promise<Server> {
  const folder = home(place, "mosquitto");
  const ports = await freePorts("plain", "tls");
  writeFileSync(
    `${folder}/mosquitto.conf`,
    [
      ...asRoot ? ["user root"] : [],
      "log_type all",
      "allow_anonymous true",
      `listener ${ports.plain} 127.0.0.1`,
      `listener ${ports.tls} 127.0.0.1`,
      `cafile ${folder}/ca.pem`,
      `certfile ${folder}/server.pem`,
      `keyfile ${folder}/server.key`,
      "",
    ].join("\n"),
  );
  const program = `${place.programs.get("Mosquitto")}/mosquitto`;
  const server = new ServerProcess([program, "-v", "-c", `${folder}/mosquitto.conf`]);
  await server.started(() => Promise.resolve(/ running\b/.test(server.output)));
  return {
    ports,
    sees(clientPort) {
      const there = server.output.includes(`New client connected from 127.0.0.1:${clientPort} `);
      const line = new RegExp(`New connection from 127\\.0\\.0\\.1:${clientPort} on port (\\d+)`).exec(
        server.output,
      );
      return Promise.resolve({ there, tls: line?.[1] === `${ports.tls}` });
    },
    stop: () => server.stop(),
  };
}

async function nats(place: Place): Promise<Server> {
  const folder = home(place, "nats");
  const { port, monitor } = await freePorts("port", "monitor");
  writeFileSync(
    `${folder}/nats.conf`,
    `listen: "127.0.0.1:${port}"
http: "127.0.0.1:${monitor}"
max_payload: 16MB
allow_non_tls: true
tls { cert_file: "${folder}/server.pem", key_file: "${folder}/server.key" }
`,
  );
  const server = new ServerProcess([
    `${place.programs.get("NATS")}/nats-server`,
    "-c",
    `${folder}/nats.conf`,
  ]);
  const ask = async () => (await (await fetch(`http://127.0.0.1:${monitor}/connz`)).json()).connections;
  await server.started(async () => Array.isArray(await ask()));
  return {
    ports: { plain: port, tls: port },
    async sees(clientPort) {
      const found = (await ask()).find((one: { port: number }) => one.port === clientPort);
      return { there: found !== undefined, tls: Boolean(found?.tls_version) };
    },
    stop: () => server.stop(),
  };
}

/** An HTTP server of this process: it gives back what it gets, and tells from which port. */
async function web({ certificates }: Place): Promise<Server> {
  const live = new Map<number, boolean>();
  const handle = (secure: boolean) => (request: http.IncomingMessage, response: http.ServerResponse) => {
    live.set(request.socket.remotePort!, secure); // it is connected
    if (request.url === "/who") response.end(JSON.stringify({ port: request.socket.remotePort, secure }));
    else request.pipe(response);
  };
  const tls = { cert: readFileSync(certificates.certificate), key: readFileSync(certificates.key) };
  const servers = [http.createServer(handle(false)), https.createServer(tls, handle(true))];
  const [plain, secured] = await Promise.all(
    servers.map((server) =>
      new Promise<number>((resolve) =>
        server.listen(0, "127.0.0.1", () => resolve((server.address() as { port: number }).port)) // it listens on TCP
      )
    ),
  );
  return {
    ports: { plain, tls: secured },
    sees: (port) => Promise.resolve({ there: live.has(port), tls: live.get(port) }),
    async stop() {
      await Promise.all(servers.map((server) => {
        server.closeAllConnections();
        return new Promise((resolve) => server.close(resolve));
      }));
    },
  };
}

/** How each is started, and the program without which it is not. */
export const SERVERS = {
  postgres: { start: postgres, program: "PostgreSQL" },
  mariadb: { start: mariadb, program: "MariaDB" },
  redis: { start: redis, program: "Redis" },
  mosquitto: { start: mosquitto, program: "Mosquitto" },
  nats: { start: nats, program: "NATS" },
  web: { start: web, program: undefined },
} as const;

/** Their names. */
export type ServerName = keyof typeof SERVERS;
