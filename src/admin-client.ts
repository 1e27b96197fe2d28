import { readFileSync } from 'node:fs';
import http from 'node:http';
import type { AdminConfig } from '../config/config.ts';

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

const TIMEOUT_MS = 10_000;

/** Resolves with the JSON at `path` of the admin server that `config` names. Throws AdminClientError. */
export async function askAdmin({ listen, tokenFile }: AdminConfig, path: string): Promise<unknown> {
  const where =
    'path' in listen ? listen.path : `${listen.host.includes(':') ? `[${listen.host}]` : listen.host}:${listen.port}`;
  const token = tokenFile === undefined ? undefined : readToken(tokenFile);
  const { status, body } = await get(
    {
      ...('path' in listen ? { socketPath: listen.path } : { host: listen.host, port: listen.port }),
      path,
      headers: {
        // Over a socket file there is no name to ask for.
        ...('path' in listen ? { Host: 'localhost' } : {}),
        ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
      },
    },
    where,
  );
  if (status === 401) {
    throw new AdminClientError(
      'ADMIN_TOKEN',
      tokenFile === undefined
        ? `Portico at ${where} asks for a token; set admin.token_file to the file that it has.`
        : `Portico at ${where} refused the token in ${tokenFile}; it was started with another one.`,
    );
  }
  const unexpected = `what answers at ${where} is no Portico of this version`;
  if (status !== 200) throw new AdminClientError('ADMIN_ANSWER', `${unexpected} (status ${status}).`);
  try {
    return JSON.parse(body);
  } catch (cause) {
    throw new AdminClientError('ADMIN_ANSWER', `${unexpected} (no JSON).`, { cause });
  }
}

function readToken(file: string): string {
  let token: string;
  try {
    token = readFileSync(file, 'utf8').trim();
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new AdminClientError('ADMIN_TOKEN', `admin.token_file ${file} cannot be read (${code}).`, { cause });
  }
  // Anything else is no header value, and no token that Portico would have started with.
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw new AdminClientError('ADMIN_TOKEN', `admin.token_file ${file} does not hold one token.`);
}

function get(options: http.RequestOptions, where: string): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const fail = (cause: NodeJS.ErrnoException): void => {
      const message =
        cause.code === 'ECONNREFUSED' || cause.code === 'ENOENT'
          ? `Portico is not running at ${where}; start it, or name its config with -c.`
          : cause.code === 'EACCES'
            ? `you may not connect to ${where}; ask as the user that Portico runs as.`
            : `Portico at ${where} does not answer (${cause.code ?? cause.message}).`;
      reject(new AdminClientError('ADMIN_UNREACHABLE', message, { cause }));
    };
    const request = http.get({ ...options, agent: false, timeout: TIMEOUT_MS }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('error', fail);
      response.on('data', (data: string) => {
        body += data;
      });
      response.on('end', () => resolve({ status: response.statusCode!, body }));
    });
    request.on('error', fail);
    request.on('timeout', () => request.destroy(new Error('timed out')));
  });
}
