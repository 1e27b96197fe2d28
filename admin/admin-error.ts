/** The admin server cannot start; the message is one sentence that says what to do. */
export class AdminError extends Error {
  readonly code: 'ADMIN_LISTEN' | 'ADMIN_TOKEN' | 'ADMIN_TLS' | 'ADMIN_EXPOSED';
  readonly source = 'config';
  readonly retryable = false;

  constructor(code: AdminError['code'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
