/**
 * Tells watchers of the end of a connection.
 *
 * @module
 */
import type { Connection } from "../types.ts";

/** Who is told: with the error, or with nothing after an orderly end. */
export type Ending = (error: unknown) => void;

/** What was attached to a promise stays there: so it is one handler a connection, however often it is watched. */
const endings = new WeakMap<Connection, Set<Ending>>();

/** Has `ending` called when the connection ends. Gives the way to call that off. */
export function onEnding(connection: Connection, ending: Ending): () => void {
  const listeners = endings.get(connection) ?? listenTo(connection);
  listeners.add(ending);
  return () => void listeners.delete(ending);
}

function listenTo(connection: Connection): Set<Ending> {
  const listeners = new Set<Ending>();
  endings.set(connection, listeners);
  const tell = (error?: unknown) => {
    endings.delete(connection);
    for (const ending of listeners) ending(error);
  };
  connection.closed.then(() => tell(), tell);
  return listeners;
}
