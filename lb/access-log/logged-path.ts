import type { LocalAddress } from '../net/byte-stream.ts';

/** A server, and the source that a connection to it has: the same for all requests that go by it. */
export class LoggedPath {
  readonly server: string;
  readonly source: string;
  readonly sourcePort: number;
  /** Made by the first line of JSON that names it. */
  json: Buffer | undefined = undefined;

  constructor(server: string, { address, port }: LocalAddress) {
    this.server = server;
    this.source = address;
    this.sourcePort = port;
  }
}
