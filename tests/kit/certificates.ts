/**
 * Certificates for the cases of one process, good ones and each kind of bad
 * one, written in DER (X.690) by the shapes of RFC 5280: no tool is needed,
 * and none refuses to make what is wrong on purpose.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { createPrivateKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto";

/** A certificate with its key, as PEM. */
export interface Certified {
  cert: string;
  key: string;
}

/** What a certificate is to say. */
export interface CertificateWish {
  /** Common name of its subject. */
  name: string;
  /** Subject alternative names: DNS names, and IP addresses as such. Default: the extension is left out. */
  names?: string[];
  /** What it may be used for. Default `"server"`; `null`: the extension is left out. */
  use?: "server" | "client" | null;
  /** It is one of an authority. */
  authority?: boolean;
  /** Days from now, to begin and to end. Default: yesterday to tomorrow. */
  days?: [from: number, to: number];
}

const DAY = 86_400_000;
let serial = 1;

/** A subject with its key: signs the certificates of others, and its own if nobody else does. */
export class Party implements Certified {
  readonly cert: string;
  readonly key: string;
  readonly #name: string;
  readonly #private: KeyObject;

  /** @param issuer Default: it signs itself. */
  constructor(wish: CertificateWish, issuer?: Party) {
    const pair = generateKeyPairSync("ec", {
      namedCurve: "prime256v1",
      publicKeyEncoding: { type: "spki", format: "der" },
      privateKeyEncoding: { type: "pkcs8", format: "pem" },
    });
    this.key = pair.privateKey;
    this.#private = createPrivateKey(pair.privateKey);
    this.#name = wish.name;
    const by = issuer ?? this;
    this.cert = pem(by.#sign(toBeSigned(wish, by.#name, pair.publicKey)));
  }

  /** A certificate that this one has signed. */
  issue(wish: CertificateWish): Party {
    return new Party(wish, this);
  }

  #sign(certificate: Buffer): Buffer {
    const signature = sign("sha256", certificate, this.#private);
    return sequence(certificate, ECDSA_SHA256, bitString(signature));
  }
}

function toBeSigned(wish: CertificateWish, issuer: string, publicKey: Uint8Array): Buffer {
  const [from, to] = wish.days ?? [-1, 1];
  return sequence(
    tagged(0xa0, der(0x02, [2])), // version 3
    der(0x02, [0x01, serial >> 8, serial++ & 0xff]),
    ECDSA_SHA256,
    nameOf(issuer),
    sequence(time(from), time(to)),
    nameOf(wish.name),
    Buffer.from(publicKey),
    tagged(0xa3, sequence(...extensionsOf(wish))),
  );
}

function extensionsOf({ names, use = "server", authority = false }: CertificateWish): Buffer[] {
  const list = [extension("551d13", sequence(...authority ? [der(0x01, [0xff])] : []), true)]; // basicConstraints
  if (authority) list.push(extension("551d0f", der(0x03, [0x01, 0x06]), true)); // keyUsage: certificates, lists
  // id-kp-serverAuth, id-kp-clientAuth
  else if (use) list.push(extension("551d25", sequence(oid(`2b0601050507030${use === "server" ? 1 : 2}`))));
  if (names) list.push(extension("551d11", sequence(...names.map(generalName))));
  return list;
}

function extension(id: string, value: Buffer, critical = false): Buffer {
  return sequence(oid(id), ...critical ? [der(0x01, [0xff])] : [], der(0x04, value));
}

function generalName(name: string): Buffer {
  if (/^\d+(\.\d+){3}$/.test(name)) return der(0x87, name.split(".").map(Number));
  if (name === "::1") return der(0x87, [...new Uint8Array(15), 1]);
  return der(0x82, Buffer.from(name));
}

function nameOf(commonName: string): Buffer {
  return sequence(der(0x31, sequence(oid("550403"), der(0x0c, Buffer.from(commonName)))));
}

/** UTCTime, which is right until 2049. */
function time(days: number): Buffer {
  const text = new Date(Date.now() + days * DAY).toISOString().replace(/[-:T]|\.\d+/g, "");
  return der(0x17, Buffer.from(text.slice(2)));
}

const oid = (hex: string): Buffer => der(0x06, Buffer.from(hex, "hex"));
const sequence = (...parts: Uint8Array[]): Buffer => der(0x30, Buffer.concat(parts));
const tagged = (tag: number, part: Uint8Array): Buffer => der(tag, part);
const bitString = (bits: Uint8Array): Buffer => der(0x03, Buffer.concat([Buffer.from([0]), bits]));
const ECDSA_SHA256 = sequence(oid("2a8648ce3d040302"));

function der(tag: number, content: Uint8Array | number[]): Buffer {
  const body = Buffer.from(content);
  const length = body.length < 0x80
    ? [body.length]
    : body.length < 0x100
    ? [0x81, body.length]
    : [0x82, body.length >> 8, body.length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), body]);
}

function pem(certificate: Buffer): string {
  const lines = certificate.toString("base64").match(/.{1,64}/g)!; // never empty
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}

/** Names of the right certificate. */
const HERE = ["localhost", "127.0.0.1", "::1"];

let made: ReturnType<typeof makeAll> | undefined;

/** The certificates of this process, made when they are asked for first. */
export function certificates(): ReturnType<typeof makeAll> {
  return made ??= makeAll();
}

function makeAll() {
  const authority = new Party({ name: "keepwire tests", authority: true });
  const stranger = new Party({ name: "keepwire tests, a stranger", authority: true });
  const between = authority.issue({ name: "keepwire tests, between", authority: true });
  const behind = between.issue({ name: "behind", names: HERE });
  return {
    /** The one that clients trust. */
    authority,
    /** One that they do not. */
    stranger,
    good: authority.issue({ name: "good", names: HERE }),
    /** Has an intermediate one beside it. */
    chained: { cert: behind.cert + between.cert, key: behind.key },
    /** The same without it. */
    unchained: behind as Certified,
    wildcard: authority.issue({ name: "wildcard", names: ["*.example.test"] }),
    selfSigned: new Party({ name: "self-signed", names: HERE }) as Certified,
    unknown: stranger.issue({ name: "unknown", names: HERE }),
    expired: authority.issue({ name: "expired", names: HERE, days: [-3, -1] }),
    notYetValid: authority.issue({ name: "not yet valid", names: HERE, days: [1, 3] }),
    otherName: authority.issue({ name: "other name", names: ["other.example.test"] }),
    otherAddress: authority.issue({ name: "other address", names: ["localhost", "127.0.0.2"] }),
    commonName: authority.issue({ name: "localhost" }),
    notForServers: authority.issue({ name: "not for servers", names: HERE, use: "client" }),
    client: authority.issue({ name: "client", use: "client" }),
    strangeClient: stranger.issue({ name: "strange client", use: "client" }),
  };
}
