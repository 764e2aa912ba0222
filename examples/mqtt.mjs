// The MQTT client `mqtt`, whose broker may vanish without a word. On Node: node mqtt.mjs PORT
import process from "node:process";
import { createConnection } from "keepwire/node-stream";
import mqtt from "mqtt";

const port = Number(process.argv[2] ?? 1883);
const keepAlive = { idle: 30_000, interval: 5_000, count: 3 };
// Called again for each reconnect.
const client = new mqtt.MqttClient(() => createConnection({ port, keepAlive }), {
  clientId: `example-${process.pid}`,
});
client.on("error", (error) => console.error(`the broker is gone: ${error.code}`));
await new Promise((resolve) => client.once("connect", resolve));
await client.subscribeAsync("keepwire/example");
const message = new Promise((resolve) =>
  client.once("message", (_topic, bytes) => resolve(bytes.toString()))
);
await client.publishAsync("keepwire/example", "hello from keepwire");
console.log(await message);
await client.endAsync();
