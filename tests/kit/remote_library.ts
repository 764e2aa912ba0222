/**
 * The library in another process of this runtime: one with other flags, or one
 * in which a system call fails.
 *
 * @module
 */
import type { Address, KeepAlive, KeepAliveStatus } from "../../core/types.ts";
import { SocketError, type SocketErrorFields, UnsupportedOptionError } from "../../core/errors.ts";
import { type Driver, type DriverEnd, type DriverOptions, spawnRuntime } from "./driver.ts";
import { librarySpecifier } from "./runtime.ts";
import { checkSocketError, type ExpectedSocketError } from "./socket_error.ts";

/** Obeys one line of JSON after the other. */
const SCRIPT = `
import process from "node:process";
import { createInterface } from "node:readline";

const loaded = await import(process.argv[2]);
// In CommonJS the whole may come as the default.
const library = loaded.connect ? loaded : loaded.default;
const opened = [];
const keep = (one) => {
  const { localAddress = one.address, remoteAddress } = one;
  return { number: opened.push(one) - 1, localAddress, remoteAddress };
};
const commands = {
  capabilities: () => library.capabilities(),
  connect: async (options) => keep(await library.connect(options)),
  listen: async (options) => keep(await library.listen(options)),
  accept: async (number) => keep(await opened[number].accept()),
  setKeepAlive: (number, options) => opened[number].setKeepAlive(options),
  getKeepAlive: (number) => opened[number].getKeepAlive(),
  abort: (number) => opened[number].abort(),
  close: (number) => opened[number].close(),
};
const classes = (error) => {
  const names = [];
  for (let proto = Object.getPrototypeOf(error); proto; proto = Object.getPrototypeOf(proto)) {
    names.push(proto.constructor.name);
  }
  return names;
};
for await (const line of createInterface({ input: process.stdin })) {
  const [name, ...args] = JSON.parse(line);
  let answer;
  try {
    answer = { value: await commands[name](...args) };
  } catch (error) {
    const { message, cause } = error;
    answer = { error: { classes: classes(error), message, ...error, hasCause: cause !== undefined } };
  }
  console.log(JSON.stringify(answer));
}
process.exit(0);
`;

/** A connection or a listener over there. */
export interface RemoteSocket {
  number: number;
  localAddress: Address;
  remoteAddress: Address;
}

interface RemoteError extends SocketErrorFields {
  classes: string[];
  message: string;
  hasCause: boolean;
  options?: UnsupportedOptionError["options"];
  hint?: string;
}

interface Answer {
  value?: unknown;
  error?: RemoteError;
}

/** The library in a process of its own. */
export class RemoteLibrary {
  readonly #driver: Driver;

  constructor(options: DriverOptions = {}) {
    const args = [librarySpecifier()];
    this.#driver = spawnRuntime({ text: SCRIPT }, { ...options, args });
  }

  get pid(): number {
    return this.#driver.pid;
  }

  /** What a command gives. @throws when it fails there. */
  async ask(...command: [name: string, ...args: unknown[]]): Promise<unknown> {
    const { value, error } = await this.#command(command);
    if (error) throw new Error(`${command[0]} failed: ${error.classes[0]}: ${error.message}`);
    return value;
  }

  async open(...command: [name: "connect" | "listen" | "accept", options: unknown]): Promise<RemoteSocket> {
    return await this.ask(...command) as RemoteSocket;
  }

  async setKeepAlive({ number }: RemoteSocket, options: boolean | KeepAlive): Promise<KeepAliveStatus> {
    return await this.ask("setKeepAlive", number, options) as KeepAliveStatus;
  }

  async getKeepAlive({ number }: RemoteSocket): Promise<KeepAliveStatus> {
    return await this.ask("getKeepAlive", number) as KeepAliveStatus;
  }

  /** Asserts that a command fails with such an error. */
  async assertSocketError(
    command: [name: string, ...args: unknown[]],
    expected: ExpectedSocketError,
  ): Promise<void> {
    const { value, error } = await this.#command(command);
    if (!error) {
      throw new Error(`${command[0]} gave ${JSON.stringify(value)} where ${expected.code} was due`);
    }
    checkSocketError(revive(error), expected);
  }

  /** Ends it. @throws unless it ended well. */
  async end(): Promise<DriverEnd> {
    this.#driver.endInput();
    return await this.#driver.success();
  }

  async #command(command: unknown[]): Promise<Answer> {
    this.#driver.send(JSON.stringify(command));
    return await this.#driver.json<Answer>();
  }
}

/** The error with all that JSON could carry, of the class that it said it was. */
function revive({ classes, message, hasCause, ...fields }: RemoteError): Error {
  const cause = hasCause ? new Error("the cause over there") : undefined;
  const { options, hint } = fields;
  const error = options && hint !== undefined
    ? new UnsupportedOptionError(message, { ...fields, options, hint, cause })
    : new SocketError(message, { ...fields, cause });
  const expected = options
    ? "UnsupportedOptionError,SocketError,TypeError,Error,Object"
    : "SocketError,TypeError,Error,Object";
  if (classes.join() !== expected) throw new Error(`It is no SocketError, but ${classes[0]}: ${message}`);
  return error;
}
