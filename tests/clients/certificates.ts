/**
 * The certificates of the kit as files, which servers and clients read.
 *
 * @module
 */
import { chmodSync, writeFileSync } from "node:fs";
import { certificates } from "../kit/certificates.ts";

/** Paths, and the authority's text, which is what clients are given. */
export interface CertificateFiles {
  authority: string;
  certificate: string;
  key: string;
  /** PEM. */
  ca: string;
}

/** Writes them into `directory`. */
export function writeCertificates(directory: string): CertificateFiles {
  const { authority, good } = certificates();
  const write = (name: string, text: string): string => {
    const path = `${directory}/${name}`;
    writeFileSync(path, text);
    return path;
  };
  const key = write("server.key", good.key);
  chmodSync(key, 0o600);
  return {
    authority: write("ca.pem", authority.cert),
    certificate: write("server.pem", good.cert),
    key,
    ca: authority.cert,
  };
}
