/**
 * What the admin server tells of: `change`, an operator changed something (the audit); `server`, `source`, `plane` and `worker`, what
 * became of one of them; `config`, a config came into force or was refused; `alarm`, something that a person has to see to.
 */
export type AdminEventType = 'change' | 'server' | 'source' | 'plane' | 'worker' | 'config' | 'alarm';

export interface NewAdminEvent {
  readonly type: AdminEventType;
  readonly severity: 'info' | 'warning' | 'error';
  /** One line for a person. */
  readonly message: string;
  /** The same for programs, by type: names of backend, server, pool, address and so on. Holds no secrets. */
  readonly data: Readonly<Record<string, unknown>>;
}

export interface AdminEvent extends NewAdminEvent {
  /** Run and number, as in `mg3k2a1b.17`: numbers grow by one, and another run is another start of Portico. */
  readonly id: string;
  /** RFC 3339, in UTC. */
  readonly time: string;
}
