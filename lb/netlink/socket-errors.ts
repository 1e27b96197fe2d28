/** This machine cannot list its sockets through netlink. `code` tells why: no prebuilt module, or no sock_diag in the kernel. */
export class UnsupportedError extends Error {
  readonly code: 'NO_NETLINK_MODULE' | 'NO_SOCK_DIAG';
  readonly source = 'local';
  readonly retryable = false;

  constructor(code: UnsupportedError['code'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** A dump ended early; `code` is an errno name, `CLOSED`, or `BAD_MESSAGE` for bytes that are no netlink message. */
export class SocketDumpError extends Error {
  readonly code: string;
  readonly source = 'local';
  readonly retryable: boolean;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.retryable = code === 'EBUSY' || code === 'EAGAIN' || code === 'EINTR' || code === 'ENOMEM';
  }
}
