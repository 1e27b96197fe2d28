import { ApiError, UNREACHABLE } from './api-error.ts';
import type { TokenStore } from './token-store.ts';
import type { Problem } from './types.ts';

export interface RequestOptions {
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Sent as it is, with this type. */
  readonly text?: { readonly body: string; readonly type: string };
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** The admin API as the pages use it. Paths are below `/api/v1`. Everything throws ApiError. */
export class Api {
  readonly token: TokenStore;
  private readonly fetch: typeof fetch;

  constructor(fetcher: typeof fetch, token: TokenStore) {
    this.fetch = fetcher;
    this.token = token;
  }

  async get<T>(path: string, signal?: AbortSignal): Promise<T> {
    const response = await this.send('GET', path, signal === undefined ? {} : { signal });
    return (await response.json()) as T;
  }

  async change<T>(method: 'POST' | 'PATCH' | 'PUT' | 'DELETE', path: string, body?: unknown): Promise<T> {
    const response = await this.send(method, path, body === undefined ? {} : { body });
    return (await response.json()) as T;
  }

  /** Resolves with an answer of 2xx. */
  async send(method: string, path: string, options: RequestOptions = {}): Promise<Response> {
    const token = this.token.get();
    let response: Response;
    try {
      response = await this.fetch(`/api/v1${path}`, {
        method,
        headers: {
          ...options.headers,
          ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
          ...(options.body === undefined ? {} : { 'Content-Type': 'application/json' }),
          ...(options.text === undefined ? {} : { 'Content-Type': options.text.type }),
        },
        body: options.body === undefined ? (options.text?.body ?? null) : JSON.stringify(options.body),
        signal: options.signal ?? null,
        cache: 'no-store',
        credentials: 'omit',
      });
    } catch (error) {
      if (options.signal?.aborted === true) throw error;
      throw new ApiError(0, UNREACHABLE);
    }
    if (response.ok) return response;
    if (response.status === 401) this.token.refuse(token);
    const problem = await readProblem(response);
    throw new ApiError(response.status, problem.detail ?? `The answer was ${response.status}.`, problem);
  }
}

async function readProblem(response: Response): Promise<Partial<Problem> & Record<string, unknown>> {
  try {
    return (await response.json()) as Partial<Problem> & Record<string, unknown>;
  } catch {
    return {};
  }
}

/** A part of a path. */
export const part = (text: string): string => encodeURIComponent(text);
