import http from "node:http";
import https from "node:https";
import { connect as tlsConnect } from "node:tls";
import { drive } from "./harness.mjs";

await drive(async ({ host, port, ca, tls, dial }) => {
  // The option `agent: false` would make the client ignore createConnection.
  const agent = new (tls ? https : http).Agent({ keepAlive: true, keepAliveMsecs: 45_000 });
  agent.createConnection = () => {
    const socket = dial({ hostname: host, port });
    return tls ? tlsConnect({ socket, ca, host }) : socket;
  };
  const request = (method, path, body) =>
    new Promise((resolve, reject) => {
      const options = { host, port, method, path, agent, headers: { "content-length": body?.length ?? 0 } };
      const sent = (tls ? https : http).request(options, (response) => {
        const chunks = [];
        response.on("data", (chunk) => chunks.push(chunk));
        response.on("end", () => resolve(Buffer.concat(chunks)));
        response.on("error", reject);
      });
      sent.on("error", reject);
      sent.end(body);
    });
  const told = JSON.parse(await request("GET", "/who"));
  return {
    told: () => told,
    exchange: (bytes) => request("POST", "/echo", bytes),
    close: () => agent.destroy(),
  };
});
