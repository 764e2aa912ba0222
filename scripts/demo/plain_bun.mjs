// The four values by Bun's own API, which has the idle time alone: a connection opened, and one accepted.
import { tell } from "./tell.mjs";

const listener = Bun.listen({
  hostname: "127.0.0.1",
  port: 0,
  socket: {
    open(accepted) {
      accepted.setKeepAlive(true, 10_000);
      tell("accepted", accepted.localPort, accepted.remotePort);
    },
    data() {},
  },
});

const socket = await Bun.connect({ hostname: "127.0.0.1", port: listener.port, socket: { data() {} } });
socket.setKeepAlive(true, 10_000);
tell("opened", socket.localPort, socket.remotePort);
