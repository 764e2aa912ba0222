// The four values by Node's own API: a connection opened, and one accepted.
import { connect, createServer } from "node:net";
import { tell } from "./tell.mjs";

const server = createServer((accepted) => {
  accepted.setKeepAlive(true, 10_000, 5_000, 3);
  tell("accepted", accepted.localPort, accepted.remotePort);
});

server.listen(0, "127.0.0.1", () => {
  const socket = connect(server.address().port, "127.0.0.1", () => {
    socket.setKeepAlive(true, 10_000, 5_000, 3);
    tell("opened", socket.localPort, socket.remotePort);
  });
});
