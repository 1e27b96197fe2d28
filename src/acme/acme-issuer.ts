import { createPrivateKey, generateKeyPairSync, type KeyObject, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { Agent } from 'node:https';
import { createRequire } from 'node:module';
import type { Authorization, Client } from 'acme-client';
import type { AcmeConfig } from '../../config/acme-config.ts';
import type { ChallengeAnswer } from '../../lb/control/messages.ts';
import { AcmeError } from './acme-error.ts';

/** The library's types know two of the three. */
type Challenge = { readonly type: string; readonly token: string };
type Http = typeof import('acme-client').axios;
type Adapter = Extract<Http['defaults']['adapter'], (...args: never) => unknown>;

/** An authority that does not answer by then does not. */
const REQUEST_MS = 30_000;
/** Between looks at what the authority has made of a request: 1, 2, 4 and then 8 seconds, for about a minute. */
const POLL = { backoffMin: 1000, backoffMax: 8000, backoffAttempts: 10 };
/** What is taken from an authority in one answer: a chain has a few kilobytes. */
const MAX_ANSWER_BYTES = 1 << 20;
/** Where an authority has had too much of us, and does not say for how long. */
const LIMITED_MS = 3_600_000;

export interface OrderSteps {
  /** From now on the authority finds the answer; resolves when it does. Returns what takes it back. */
  readonly publish: (answer: ChallengeAnswer) => Promise<() => void>;
  /** Looked at between steps: the order is given up, and the authority has nothing to issue. */
  readonly isCancelled: () => boolean;
  /** The certificate is about to be asked for: it counts for the limits of the authority from now on, so it is worth waiting for. */
  readonly onCommit: () => void;
}

/** Orders certificates for single names, at one authority with one account (RFC 8555). */
export interface AcmeIssuer {
  /** Resolves with the key, the certificate, and those that lead to its root, PEM; undefined: it was cancelled. Rejects with AcmeError. */
  order(host: string, steps: OrderSteps): Promise<string | undefined>;
}

/** By `acme-client`. `accountKey`: PEM. Throws AcmeError. */
export async function createAcmeIssuer(
  { epochMs }: { readonly epochMs: () => number },
  config: AcmeConfig,
  accountKey: string,
): Promise<AcmeIssuer> {
  // Only who orders pays for loading it (about half a second).
  const { default: acme } = await import('acme-client');
  const answerTo = async (host: string, { type, token }: Challenge, text: string): Promise<ChallengeAnswer> => {
    if (type !== 'tls-alpn-01') return { type: 'http-01', token, text };
    const identifier = { type: 'dns', value: host };
    const [key, cert] = await acme.crypto.createAlpnCertificate({ identifier } as Authorization, text);
    return { type, host, cert: String(cert), key: String(key) };
  };
  const ca = config.ca === undefined ? undefined : await read(config.ca);
  const account = config.externalAccount;
  const client = new acme.Client({
    directoryUrl: config.directory,
    accountKey,
    ...POLL,
    ...(account === undefined
      ? {}
      : { externalAccountBinding: { kid: account.keyId, hmacKey: (await read(account.keyFile)).trim() } }),
  });
  return {
    order: async (host, steps) => {
      const watch = watchRequests(acme.axios, ca, epochMs);
      try {
        const key = createKey(config.keyType);
        const [, csr] = await acme.crypto.createCsr({ altNames: [host] }, key);
        const chain = await run(client, { ...config, host, csr, answerTo }, steps);
        if (chain === undefined) return undefined;
        checkLeaf(chain, host, createPrivateKey(key));
        return `${key}${chain.trimEnd()}\n`;
      } catch (cause) {
        if (cause instanceof AcmeError) throw cause;
        const { retryAfterMs } = watch;
        throw new AcmeError(wordsOf(cause), { cause, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) });
      }
    },
  };
}

/**
 * How the library speaks to the authority, and what it keeps to itself: its errors have the words of the authority, but not when to come
 * again; and where nobody answers, not even why.
 */
function watchRequests(
  { defaults }: Http,
  ca: string | undefined,
  epochMs: () => number,
): { retryAfterMs: number | undefined } {
  const watch = { retryAfterMs: undefined as number | undefined };
  // The copy that the library has; an import would load another.
  const { getAdapter } = createRequire(import.meta.url)('axios') as { getAdapter(name: 'http'): Adapter };
  // Attempts are ours to space: the library would wait, however long a Retry-After is.
  (defaults as unknown as { acmeSettings: { retryMaxAttempts: number } }).acmeSettings.retryMaxAttempts = 0;
  defaults.timeout = REQUEST_MS;
  defaults.maxContentLength = MAX_ANSWER_BYTES;
  defaults.httpsAgent = ca === undefined ? undefined : new Agent({ ca });
  defaults.adapter = async (config) => {
    try {
      return await getAdapter('http')(config);
    } catch (cause) {
      // The library has every answer rejected first, and sorts them out afterwards.
      const { response } = cause as { response?: Awaited<ReturnType<Adapter>> };
      if (response === undefined) throw new AcmeError(wordsOf(cause), { cause });
      // RFC 8555 §6.6.
      const waitMs = waitOf(response.headers['retry-after'], epochMs());
      if (response.status === 429) watch.retryAfterMs = waitMs ?? LIMITED_MS;
      else if (response.status === 503) watch.retryAfterMs = waitMs;
      throw cause;
    }
  };
  return watch;
}

async function run(
  client: Client,
  {
    host,
    contact,
    challenge: type,
    csr,
    answerTo,
  }: Pick<AcmeConfig, 'contact' | 'challenge'> & {
    readonly host: string;
    readonly csr: Buffer;
    readonly answerTo: (host: string, challenge: Challenge, text: string) => Promise<ChallengeAnswer>;
  },
  { publish, isCancelled, onCommit }: OrderSteps,
): Promise<string | undefined> {
  await client.createAccount({ termsOfServiceAgreed: true, contact: [...contact] });
  if (isCancelled()) return undefined;
  const order = await client.createOrder({ identifiers: [{ type: 'dns', value: host }] });
  for (const authorization of await client.getAuthorizations(order)) {
    if (authorization.status === 'valid') continue;
    const challenge = authorization.challenges.find((each: Challenge) => each.type === type);
    if (challenge === undefined) throw new AcmeError(`the authority does not offer to look by ${type}`);
    const text = await client.getChallengeKeyAuthorization(challenge);
    const withdraw = await publish(await answerTo(host, challenge, text));
    try {
      if (isCancelled()) return undefined;
      await client.completeChallenge(challenge);
      await client.waitForValidStatus(challenge);
    } finally {
      withdraw();
    }
  }
  if (isCancelled()) return undefined;
  onCommit();
  return client.getCertificate(await client.finalizeOrder(order, csr));
}

function createKey(type: AcmeConfig['keyType']): string {
  const { privateKey } =
    type === 'rsa-2048'
      ? generateKeyPairSync('rsa', { modulusLength: 2048 })
      : generateKeyPairSync('ec', { namedCurve: type === 'ecdsa-p256' ? 'P-256' : 'P-384' });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
}

/** The authority is not to be able to put something else where a good certificate is. */
function checkLeaf(chain: string, host: string, key: KeyObject): void {
  const leaf = new X509Certificate(chain);
  if (!leaf.checkPrivateKey(key)) throw new AcmeError('what was issued is not for the key that it was asked for');
  if (leaf.checkHost(host) === undefined) throw new AcmeError('what was issued is not for this name');
}

/** Of `Retry-After`: seconds, or a date. */
function waitOf(text: unknown, nowMs: number): number | undefined {
  const seconds = Number(text);
  const ms = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(String(text)) - nowMs;
  return Number.isFinite(ms) && ms > 0 ? ms : undefined;
}

async function read(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new AcmeError(`${file} cannot be read (${(cause as NodeJS.ErrnoException).code})`, { cause });
  }
}

function wordsOf(cause: unknown): string {
  const { message, code } = cause as NodeJS.ErrnoException;
  const words = message === '' ? (code ?? 'for a reason that is not known') : message;
  return words.replaceAll(/\s+/g, ' ').replace(/\.$/, '').slice(0, 500);
}
