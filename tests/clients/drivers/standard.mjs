// Drivers of clients that take the standard `connect`. In their bundles this file is also `cloudflare:sockets`, so
// that a client that imports it gets the `connect` of `keepwire/sockets`, and its calls are counted.
import { drive as driveWith, KEEP_ALIVE } from "./harness.mjs";

let connector;
let sockets = [];

export function connect(address, options) {
  const socket = connector.connect(address, options);
  sockets.push(socket);
  return socket;
}

async function socketDialler({ sockets: module, ca }) {
  const { createConnector } = await import(module);
  connector = createConnector({ keepAlive: KEEP_ALIVE, caCerts: [ca] });
  const mine = sockets = [];
  return {
    dial: connect,
    dials: () => mine.length,
    ends: () =>
      Promise.all(mine.map(async ({ opened }) => {
        const { localAddress, remoteAddress } = await opened;
        return { local: localAddress, remote: remoteAddress };
      })),
    // It counts no bytes: the kernel does.
    moved: () => ({}),
    closed: () => Promise.all(mine.map(({ closed }) => closed)),
  };
}

export const drive = (open) => driveWith(open, socketDialler);
