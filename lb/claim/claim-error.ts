/** No address can be claimed at all; the message is one sentence that says what to do. */
export class ClaimError extends Error {
  readonly code = 'CLAIM';
  readonly source = 'config';
  readonly retryable = false;
}

export function noPrivilege(cause: unknown): ClaimError {
  return new ClaimError(
    'claiming addresses needs the capability CAP_NET_ADMIN: in the systemd unit write "AmbientCapabilities=CAP_NET_ADMIN", or run as root, or set claim to false and add the addresses yourself.',
    { cause },
  );
}
