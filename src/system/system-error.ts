export type SystemErrorCode =
  | 'SYSTEM_PERMISSION'
  | 'SYSTEM_UNKNOWN_SETTING'
  | 'SYSTEM_LOCKED'
  | 'SYSTEM_FOREIGN_FILE'
  | 'SYSTEM_REFUSED'
  | 'SYSTEM_DISK'
  | 'SYSTEM_JOURNAL';

/** The machine's settings were not changed; the message is one sentence that says what to do. */
export class SystemError extends Error {
  readonly code: SystemErrorCode;
  readonly source = 'local';
  readonly retryable: boolean;
  /** What somebody with the privilege would type to the same end. */
  readonly commands: readonly string[];

  constructor(
    code: SystemErrorCode,
    message: string,
    options: ErrorOptions & { readonly commands?: readonly string[] } = {},
  ) {
    super(message, options);
    this.code = code;
    this.retryable = code === 'SYSTEM_LOCKED';
    this.commands = options.commands ?? [];
  }
}

export function errnoOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? (error as Error).message;
}
