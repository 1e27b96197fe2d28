/** A certificate was not issued, or could not be kept. The message is a sentence without its full stop. */
export class AcmeError extends Error {
  readonly code = 'ACME';
  readonly source = 'config';
  readonly retryable = true;
  /** How long the authority wants to be left alone; undefined: it has not said. */
  readonly retryAfterMs: number | undefined;

  constructor(
    message: string,
    { retryAfterMs, cause }: { readonly retryAfterMs?: number; readonly cause?: unknown } = {},
  ) {
    super(message, cause === undefined ? {} : { cause });
    this.retryAfterMs = retryAfterMs;
  }
}
