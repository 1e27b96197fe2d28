/** Portico cannot start; the message is one sentence that says what to do. */
export class StartError extends Error {
  readonly code = 'START';
  readonly source = 'config';
  readonly retryable = false;
}
