/** Who changes something through the admin server. */
export interface Actor {
  /** The name of the token that was given; `anyone` where none is asked for. */
  readonly name: string;
  readonly role: Role;
  /** Where the request came from: an IP address, or `unix` for the socket file. */
  readonly address: string;
}

/** `read-only` may look at everything, `admin` may change it too. */
export type Role = 'read-only' | 'admin';
