import type { Problem } from './answers.ts';

/** The API refused, or could not be reached; the message says so to a person. */
export class ApiError extends Error {
  /** 0: no answer. */
  readonly status: number;
  /** The whole answer: some refusals have members of their own. */
  readonly problem: Partial<Problem> & Readonly<Record<string, unknown>>;

  constructor(status: number, message: string, problem: ApiError['problem'] = {}) {
    super(message);
    this.status = status;
    this.problem = problem;
  }
}

export const UNREACHABLE =
  'Portico does not answer. It may have stopped, or the network to it is down; this page tries on.';

/** What to say of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
