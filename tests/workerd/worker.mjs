// What the harness runs in workerd: steps come by a WebSocket, as the text of functions, and what they ask of the
// far side goes back by it. One request holds them all, for workerd's sockets belong to the request that opened them.
// The harness puts the import of `modules` before this: those that the test asked for.

export default {
  fetch(request, env) {
    if (request.headers.get("upgrade") !== "websocket") return new Response("ready");
    const [client, server] = Object.values(new WebSocketPair());
    const state = {};
    const calls = new Map();
    let number = 0;
    const unhandled = [];
    addEventListener("unhandledrejection", (event) => unhandled.push(describe(event.reason)));

    const far = (name, arg) =>
      new Promise((resolve, reject) => {
        calls.set(++number, { resolve, reject });
        server.send(JSON.stringify({ call: number, name, arg }));
      });

    async function step({ id, code, arg }) {
      const answer = { id };
      try {
        const run = env.UNSAFE.newAsyncFunction(
          `return await (${code})(context, arg)`,
          "step",
          "context",
          "arg",
        );
        answer.value = await run({ state, modules, far, unhandled }, arg);
      } catch (error) {
        answer.error = describe(error);
      }
      server.send(JSON.stringify(answer));
    }

    server.accept();
    server.addEventListener("message", ({ data }) => {
      const message = JSON.parse(data);
      if (message.code !== undefined) return step(message);
      const call = calls.get(message.call);
      calls.delete(message.call);
      if (message.error) call.reject(new Error(message.error));
      else call.resolve(message.value);
    });
    return new Response(null, { status: 101, webSocket: client });
  },
};

const describe = (error) =>
  error instanceof Error ? `${error.name}: ${error.message}\n${error.stack}` : String(error);
