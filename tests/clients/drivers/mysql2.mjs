import mysql from "mysql2/promise";
import { drive, sha256 } from "./harness.mjs";

await drive(async ({ host, port, ca, tls, dial }) => {
  const connection = await mysql.createConnection({
    host,
    port,
    user: "keepwire",
    password: "keepwire",
    connectTimeout: 20_000,
    ...tls && { ssl: { ca } },
    stream: () => dial({ hostname: host, port }),
  });
  return {
    async told() {
      const [rows] = await connection.query("show session status like 'Ssl_version'");
      return rows[0].Value;
    },
    async exchange(bytes) {
      const [rows] = await connection.query("select sha2(?, 256) as digest, cast(? as binary) as back", [
        bytes,
        bytes,
      ]);
      if (rows[0].digest !== sha256(bytes)) throw new Error("the server got other bytes");
      return rows[0].back;
    },
    close: () => connection.end(),
  };
});
