// A Redis client in a few lines, whose connection is known to be alive. On Bun: bun redis.mjs PORT
import process from "node:process";
import { connect } from "keepwire";

const utf8 = new TextEncoder();

/** Sends one command and gives the answer: a simple string or a bulk string (RESP 2). */
async function command(connection, ...words) {
  const parts = words.map((word) => `$${utf8.encode(word).length}\r\n${word}\r\n`);
  await connection.write(utf8.encode(`*${words.length}\r\n${parts.join("")}`));
  let answer = "";
  for await (const bytes of connection) {
    answer += new TextDecoder().decode(bytes);
    const lines = answer.split("\r\n");
    // A bulk string has its length on a line before it.
    const isBulk = answer.startsWith("$");
    if (lines.length > (isBulk ? 2 : 1)) return isBulk ? lines[1] : lines[0].slice(1);
  }
  throw new Error("Redis has closed the connection");
}

const port = Number(process.argv[2] ?? 6379);
const connection = await connect({ port, keepAlive: { idle: 30_000, interval: 5_000, count: 3 } });
console.log(await command(connection, "SET", "greeting", "hello from keepwire"));
console.log(await command(connection, "GET", "greeting"));
console.log(`a dead server is noticed within ${connection.getKeepAlive().detectsWithin.idle / 1000} s`);
await connection.close();
