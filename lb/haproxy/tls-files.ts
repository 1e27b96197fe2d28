import { createHash, createPrivateKey } from 'node:crypto';
import { join } from 'node:path';
import { type CheckedPair, type ReadText, readAuthorities, readPair } from '../../config/certificate-files.ts';
import type { BackendConfig, ListenerConfig } from '../../config/config.ts';

/** A file that the configuration names. All but pairs are named after what is in them, so that another content is another file. */
export interface TlsFile {
  readonly name: string;
  readonly text: string;
  /** A certificate with its key: the only one that HAProxy can be given anew while it runs. */
  readonly isPair: boolean;
}

interface PairFiles {
  readonly cert: string;
  readonly key: string;
}

export interface ReadDeps {
  /** Throws as `fs` does. */
  readonly read: ReadText;
  /** PEM of those whom this machine trusts. */
  readonly machineAuthorities: () => string;
  readonly onPair?: (listener: ListenerConfig, index: number, pair: CheckedPair) => void;
}

/** Where each file of a configuration is, from the names that `portico.yaml` has for them. */
export interface TlsPlaces {
  pair(files: PairFiles): string;
  list(listener: ListenerConfig): string;
  /** Undefined: those whom the machine trusts. */
  authorities(file: string | undefined): string;
}

const digest = (...parts: readonly string[]): string =>
  createHash('sha256').update(parts.join('\0')).digest('hex').slice(0, 16);
const nameOfPair = ({ cert, key }: PairFiles): string => `pair-${digest(cert, key)}.pem`;

/**
 * One line for each certificate, the first of which is for clients that give no name. HAProxy takes the names from the certificate where none
 * are given, and chooses among certificates of one name by what kind of key the client can use.
 */
export function listLines(directory: string, { tls }: ListenerConfig): readonly string[] {
  return tls!.certificates.map((each) => [join(directory, nameOfPair(each)), ...(each.hosts ?? [])].join(' '));
}

function listText(directory: string, listener: ListenerConfig): string {
  return listLines(directory, listener)
    .map((line) => `${line}\n`)
    .join('');
}

const nameOfList = (directory: string, listener: ListenerConfig): string =>
  `list-${digest(listText(directory, listener))}.txt`;

/** For a configuration that is printed: authorities stay where they are, as nobody copies them. */
export function exportedPlaces(directory: string): TlsPlaces {
  return {
    pair: (files) => join(directory, nameOfPair(files)),
    list: (listener) => join(directory, nameOfList(directory, listener)),
    authorities: (file) => file ?? '@system-ca',
  };
}

/** Those that were read: `files` are to be in `directory` before HAProxy reads the configuration. */
export interface ReadTls {
  readonly files: readonly TlsFile[];
  readonly places: TlsPlaces;
}

/** Reads everything that HAProxy has to know for its listeners and their backends. Throws CertificateError. */
export function readTlsFiles(
  directory: string,
  {
    listeners,
    backends,
  }: { readonly listeners: readonly ListenerConfig[]; readonly backends: readonly BackendConfig[] },
  { read, machineAuthorities, onPair }: ReadDeps,
): ReadTls {
  const files = new Map<string, TlsFile>();
  const authorities = new Map<string | undefined, string>();
  const add = (name: string, text: string, isPair = false): void => void files.set(name, { name, text, isPair });
  const addAuthorities = (file: string | undefined): void => {
    const text = file === undefined ? machineAuthorities() : readAuthorities(file, read);
    const name = `authorities-${digest(text)}.pem`;
    authorities.set(file, name);
    add(name, text);
  };
  for (const listener of listeners) {
    const { tls } = listener;
    if (tls === undefined) continue;
    tls.certificates.forEach((each, i) => {
      const pair = readPair(each, read);
      onPair?.(listener, i, pair);
      add(nameOfPair(each), pairText(pair), true);
    });
    add(nameOfList(directory, listener), listText(directory, listener));
    if (tls.clientAuth !== undefined) addAuthorities(tls.clientAuth.ca);
  }
  for (const { tls } of backends) {
    if (tls === undefined) continue;
    if (tls.isVerified) addAuthorities(tls.ca);
    if (tls.pair !== undefined) add(nameOfPair(tls.pair), pairText(readPair(tls.pair, read)), true);
  }
  return {
    files: [...files.values()],
    places: { ...exportedPlaces(directory), authorities: (file) => join(directory, authorities.get(file)!) },
  };
}

/** Only what is in PEM: an empty line would be the end of what the runtime socket is given. */
function pairText({ cert, key }: CheckedPair): string {
  const chain = cert.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g)!;
  const secret = createPrivateKey(key).export({ type: 'pkcs8', format: 'pem' });
  return `${[...chain, secret].join('\n')}`.replaceAll(/\n\s*\n/g, '\n').replaceAll('\r', '');
}
