// Tells the demo which socket to look at, and keeps the process, and so the sockets, until the demo has looked.
import process from "node:process";

process.stdin.on("end", () => process.exit(0)).resume();

export function tell(side, localPort, remotePort, status) {
  const [local, remote] = [localPort, remotePort].map((port) => `127.0.0.1:${port}`);
  process.stdout.write(`${JSON.stringify({ side, local, remote, status })}\n`);
}

export function tellRefusal(side, { message, hint, options, code }) {
  process.stdout.write(`${JSON.stringify({ side, refused: { code, message, hint, options } })}\n`);
}
