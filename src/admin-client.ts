import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import type { TLSSocket } from 'node:tls';
import type { AdminConfig, AdminTlsConfig } from '../config/config.ts';

/** The admin server of a running Portico did not give what was asked for; the message is one sentence that says what to do. */
export class AdminClientError extends Error {
  readonly code: 'ADMIN_UNREACHABLE' | 'ADMIN_TOKEN' | 'ADMIN_ANSWER';
  readonly source = 'backend';
  readonly retryable: boolean;

  constructor(code: AdminClientError['code'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.retryable = code === 'ADMIN_UNREACHABLE';
  }
}

export interface AskOptions {
  /** Default: the one in admin.token_file, if that is one in plain. */
  readonly token?: string | undefined;
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
  const response = await get(
    {
      ...('path' in listen ? { socketPath: listen.path } : { host: reachable(listen.host), port: listen.port }),
      path,
      signal: options.signal,
      headers: {
        // Over a socket file there is no name to ask for.
        ...('path' in listen ? { Host: 'localhost' } : {}),
        ...(given === undefined ? {} : { Authorization: `Bearer ${given}` }),
      },
    },
    tls,
    where,
  );
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

function unreachable(where: string, cause: NodeJS.ErrnoException): AdminClientError {
  const message =
    cause.code === 'ECONNREFUSED' || cause.code === 'ENOENT'
      ? `Portico is not running at ${where}; start it, or name its config with -c.`
      : cause.code === 'EACCES'
        ? `you may not connect to ${where}; ask as the user that Portico runs as.`
        : `Portico at ${where} does not answer (${cause.code ?? cause.message}).`;
  return new AdminClientError('ADMIN_UNREACHABLE', message, { cause });
}

function get(
  options: http.RequestOptions,
  tls: AdminTlsConfig | undefined,
  where: string,
): Promise<http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    const fail = (cause: NodeJS.ErrnoException): void => reject(unreachable(where, cause));
    const onTimeout = (): void => void request.destroy(new Error('timed out'));
    const all = { ...options, agent: false, timeout: TIMEOUT_MS };
    // Whoever has the certificate file knows whom to expect, whatever name or authority is in it.
    const request = tls === undefined ? http.get(all) : https.get({ ...all, rejectUnauthorized: false });
    if (tls !== undefined) {
      request.once('socket', (socket) => {
        socket.once('secureConnect', () => {
          if (isExpected(socket as TLSSocket, tls)) return;
          request.destroy(new Error(`it has another certificate than ${tls.cert}`));
        });
      });
    }
    request.once('response', (response) => {
      // From here on silence is for whoever reads to judge: a stream may be quiet.
      request.off('timeout', onTimeout);
      resolve(response);
    });
    request.on('error', fail);
    request.once('timeout', onTimeout);
  });
}

function isExpected(socket: TLSSocket, { cert }: AdminTlsConfig): boolean {
  try {
    return socket.getPeerCertificate().fingerprint256 === new X509Certificate(readFileSync(cert)).fingerprint256;
  } catch {
    return false;
  }
}
