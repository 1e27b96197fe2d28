/** From the primary to any process of ours that may outlive it, beside what is particular to that process. */
export type HostCommand =
  /** This primary is the one from now on. Nothing but the answers to `sockets` is told to it before. */
  | {
      readonly type: 'join';
      /** Of whose code and installation the process is; told to the next primary. */
      readonly release: string;
      /** How long to go on without a primary. 0: not at all. */
      readonly outliveMs: number;
    }
  /** For the next primary. */
  | { readonly type: 'remember'; readonly memo: unknown }
  /** Answered by one `socket` for each listening socket, with it, then by one `sockets-end`. */
  | { readonly type: 'sockets' }
  /** Answered by one `pong`, as soon as the event loop comes round. */
  | { readonly type: 'ping' };

/** From such a process to the primary that has opened a channel to it. The first message is `hello` or `found`. */
export type HostEvent =
  /** It has just started, and waits to be told what to do. */
  | { readonly type: 'hello' }
  /** It has worked for an earlier primary, and still does what that wanted. */
  | { readonly type: 'found'; readonly release: string; readonly memo: unknown; readonly state: unknown }
  | { readonly type: 'socket'; readonly listener: string }
  | { readonly type: 'sockets-end' }
  | { readonly type: 'pong' };
