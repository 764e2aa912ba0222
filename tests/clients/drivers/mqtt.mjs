import mqtt from "mqtt";
import { connect as tlsConnect } from "node:tls";
import { drive } from "./harness.mjs";

await drive(async ({ host, port, ca, tls, dial }) => {
  const build = () => {
    const socket = dial({ hostname: host, port });
    if (!tls) return socket;
    const secured = tlsConnect({ socket, ca, host });
    // What the client's own builder does: a failed handshake ends the client's attempt.
    secured.on("error", (error) => client.emit("error", error));
    return secured;
  };
  const client = new mqtt.MqttClient(build, {
    clientId: `keepwire-${tls ? "tls" : "plain"}-${Math.random().toString(36).slice(2)}`,
    reconnectPeriod: 0,
    keepalive: 60,
    clean: true,
    protocolVersion: 4,
  });
  await new Promise((resolve, reject) => client.once("connect", resolve).once("error", reject));
  return {
    async exchange(bytes) {
      const topic = `keepwire/${client.options.clientId}`;
      await client.subscribeAsync(topic, { qos: 1 });
      const back = new Promise((resolve) => client.once("message", (_topic, message) => resolve(message)));
      await client.publishAsync(topic, bytes, { qos: 1 });
      return await back;
    },
    close: () => client.endAsync(),
  };
});
