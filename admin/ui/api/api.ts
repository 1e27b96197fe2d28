import { createPorticoClient, type PorticoClient } from '../../client/index.ts';
import type { Problem } from './answers.ts';
import { ApiError, UNREACHABLE } from './api-error.ts';
import type { TokenStore } from './token-store.ts';

/** The admin API as the pages use it. Whatever is no success throws ApiError, so that every answer has its `data`. */
export class Api {
  readonly token: TokenStore;
  readonly client: PorticoClient;
  /** For what the client has no call for: with the token, and throws alike. */
  readonly fetch: typeof fetch;
  private readonly send: typeof fetch;

  constructor(fetcher: typeof fetch, token: TokenStore) {
    this.send = fetcher;
    this.token = token;
    this.fetch = (input, init) => this.ask(new Request(input, init));
    this.client = createPorticoClient({ url: '', fetch: this.fetch });
  }

  private async ask(request: Request): Promise<Response> {
    const token = this.token.get();
    if (token !== undefined) request.headers.set('Authorization', `Bearer ${token}`);
    let response: Response;
    try {
      response = await this.send(request, { cache: 'no-store', credentials: 'omit' });
    } catch (error) {
      if (request.signal.aborted) throw error;
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

/** What the API answered; everything else has thrown. */
export async function dataOf<T>(answer: Promise<{ readonly data?: T }>): Promise<NonNullable<T>> {
  return (await answer).data!;
}
