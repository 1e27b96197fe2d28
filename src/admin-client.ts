import { readFileSync } from 'node:fs';
import http from 'node:http';
import type { AdminConfig, AdminTlsConfig } from '../config/config.ts';
import { connectSecurely, type SecureTarget } from './admin-connection.ts';
import type { AdminCredentials } from './admin-credentials.ts';

/** The admin server of a running Portico did not give what was asked for; the message is one sentence that says what to do. */
export class AdminClientError extends Error {
  readonly code: 'ADMIN_UNREACHABLE' | 'ADMIN_TOKEN' | 'ADMIN_CERTIFICATE' | 'ADMIN_ANSWER';
  readonly source = 'backend';
  readonly retryable: boolean;

  constructor(code: AdminClientError['code'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.retryable = code === 'ADMIN_UNREACHABLE';
  }
}

/** Default of the token: the one in admin.token_file, if that is one in plain. */
export interface AskOptions extends AdminCredentials {
  readonly signal?: AbortSignal | undefined;
}

const TIMEOUT_MS = 10_000;

/** Resolves with the JSON at `path` of the admin server that `config` names. Throws AdminClientError. */
export async function askAdmin(config: AdminConfig, path: string, options: AskOptions = {}): Promise<unknown> {
  const response = await openAdmin(config, path, options);
  const where = whereOf(config);
  let body = '';
  try {
    for await (const part of response.setEncoding('utf8')) body += part;
  } catch (cause) {
    throw unreachable(where, cause as NodeJS.ErrnoException);
  }
  try {
    return JSON.parse(body);
  } catch (cause) {
    throw new AdminClientError('ADMIN_ANSWER', `what answers at ${where} is no Portico of this version (no JSON).`, {
      cause,
    });
  }
}

/** The same, of which the body is to be read yet: it may never end. */
export async function openAdmin(
  config: AdminConfig,
  path: string,
  options: AskOptions = {},
): Promise<http.IncomingMessage> {
  const { listen, tls, tokenFile } = config;
  const where = whereOf(config);
  const given = options.token ?? (tokenFile === undefined ? undefined : readPlainToken(tokenFile));
  if (given !== undefined && !isTokenText(given)) {
    throw new AdminClientError('ADMIN_TOKEN', 'PORTICO_TOKEN does not hold one token.');
  }
  const to = 'path' in listen ? { path: listen.path } : { host: reachable(listen.host), port: listen.port };
  const request: http.RequestOptions = {
    path,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
    headers: {
      // Over a socket file there is no name to ask for.
      ...('path' in listen ? { Host: 'localhost' } : {}),
      ...(given === undefined ? {} : { Authorization: `Bearer ${given}` }),
    },
  };
  let response: http.IncomingMessage;
  try {
    if (tls === undefined) {
      response = await get({ ...request, ...('path' in to ? { socketPath: to.path } : to), agent: false });
    } else {
      const socket = await connectSecurely({ to, ...readCertificates(tls, options), timeoutMs: TIMEOUT_MS });
      response = await get({ ...request, ...('path' in to ? {} : to), createConnection: () => socket });
    }
  } catch (cause) {
    if (cause instanceof AdminClientError) throw cause;
    if (tls?.clientCa !== undefined && isTurnedAway(cause as NodeJS.ErrnoException)) {
      const what = `Portico at ${where} takes only clients with a certificate of ${tls.clientCa}`;
      const advice = 'set PORTICO_CLIENT_CERT and PORTICO_CLIENT_KEY to the files of one.';
      throw new AdminClientError('ADMIN_CERTIFICATE', `${what}; ${advice}`, { cause });
    }
    throw unreachable(where, cause as NodeJS.ErrnoException);
  }
  const { statusCode: status } = response;
  if (status === 200) return response;
  response.destroy();
  if (status === 401) throw new AdminClientError('ADMIN_TOKEN', explainRefusal(where, given, options.token, tokenFile));
  if (status === 429) {
    const wait = response.headers['retry-after'] ?? 'some';
    throw new AdminClientError('ADMIN_TOKEN', `Portico at ${where} got too many wrong tokens; try again in ${wait} s.`);
  }
  throw new AdminClientError(
    'ADMIN_ANSWER',
    `what answers at ${where} is no Portico of this version (status ${status}).`,
  );
}

function explainRefusal(
  where: string,
  given: string | undefined,
  own: string | undefined,
  file: string | undefined,
): string {
  if (given === undefined && file === undefined) {
    return `Portico at ${where} asks for a token; set PORTICO_TOKEN, or admin.token_file to the file that it has.`;
  }
  if (given === undefined)
    return `Portico at ${where} asks for a token; \`portico token NAME\` makes one for PORTICO_TOKEN.`;
  if (own !== undefined) return `Portico at ${where} refused the token in PORTICO_TOKEN.`;
  return `Portico at ${where} refused the token in ${file}; it was started with another one.`;
}

function whereOf({ listen }: AdminConfig): string {
  if ('path' in listen) return listen.path;
  return `${listen.host.includes(':') ? `[${listen.host}]` : listen.host}:${listen.port}`;
}

/** What listens on every address does so on loopback too. */
function reachable(host: string): string {
  return host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
}

const isTokenText = (text: string): boolean => /^[\x21-\x7e]+$/.test(text);

/** Undefined for a file of hashes: no token can be made of them. */
function readPlainToken(file: string): string | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8').trim();
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new AdminClientError('ADMIN_TOKEN', `admin.token_file ${file} cannot be read (${code}); set PORTICO_TOKEN.`, {
      cause,
    });
  }
  return isTokenText(text) ? text : undefined;
}

/** The certificate to expect, and the one to show. */
function readCertificates(
  { cert }: AdminTlsConfig,
  { identity }: AskOptions,
): Pick<SecureTarget, 'expected' | 'identity'> {
  const own = identity && { cert: readPem(identity.cert, CLIENT_FILES), key: readPem(identity.key, CLIENT_FILES) };
  return { expected: readPem(cert, 'it says which certificate to expect'), identity: own };
}

const CLIENT_FILES = 'PORTICO_CLIENT_CERT and PORTICO_CLIENT_KEY name a certificate and its key';

function readPem(file: string, why: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new AdminClientError('ADMIN_CERTIFICATE', `${file} cannot be read (${code}); ${why}.`, { cause });
  }
}

/** Node's server ends a connection whose client has no good certificate without a word; OpenSSL's sends an alert. */
function isTurnedAway({ code = '' }: NodeJS.ErrnoException): boolean {
  return code === 'ECONNRESET' || code === 'EPIPE' || code.startsWith('ERR_SSL_') || /ALERT/.test(code);
}

function unreachable(where: string, cause: NodeJS.ErrnoException): AdminClientError {
  const message =
    cause.code === 'ECONNREFUSED' || cause.code === 'ENOENT'
      ? `Portico is not running at ${where}; start it, or name its config with -c.`
      : cause.code === 'EACCES'
        ? `you may not connect to ${where}; ask as the user that Portico runs as.`
        : `Portico at ${where} does not answer (${cause.code ?? cause.message}).`;
  return new AdminClientError('ADMIN_UNREACHABLE', message, { cause });
}

function get(options: http.RequestOptions): Promise<http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request = http.get({ ...options, timeout: TIMEOUT_MS });
    const onTimeout = (): void => void request.destroy(new Error('timed out'));
    request.once('response', (response) => {
      // From here on silence is for whoever reads to judge: a stream may be quiet.
      request.off('timeout', onTimeout);
      resolve(response);
    });
    request.on('error', reject);
    request.once('timeout', onTimeout);
  });
}
