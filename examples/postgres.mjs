// The PostgreSQL client `pg`, which notices a dead server. On Deno: deno run -A postgres.mjs PORT USER
import process from "node:process";
import { createConnection } from "keepwire/node-stream";
import pg from "pg";

const keepAlive = { idle: 30_000, interval: 5_000, count: 3, userTimeout: 45_000 };
const client = new pg.Client({
  host: "127.0.0.1",
  port: Number(process.argv[2] ?? 5432),
  user: process.argv[3] ?? "postgres",
  database: "postgres",
  // The client connects the stream itself.
  stream: () => createConnection({ keepAlive }),
});
client.on("error", (error) => console.error(`the server is gone: ${error.code}`));
await client.connect();
const { rows } = await client.query("select sum(n)::int as sum from generate_series(1, 100) as n");
console.log(`1 + 2 + … + 100 = ${rows[0].sum}`);
await client.end();
