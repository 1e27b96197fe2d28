import type { TlsFacts } from '../tls/tls-facts.ts';
import { LineBuffer } from './line-buffer.ts';
import { type LogClient, MOST_TEXT_BYTES } from './log-format.ts';
import type { LoggedPath } from './logged-path.ts';

/** Enough for nearly every request. */
const USUAL_BYTES = 2048;

const NOBODY: LogClient = { address: '', port: 0, json: undefined };

/** What is known of one request for its line in the log. One object serves many requests in turn. */
export class AccessRecord {
  /** The request's own part of the line, as the format has it. */
  text = new LineBuffer(USUAL_BYTES);
  /** Where in it the part ends that goes before the status, in formats that have two. */
  textSplit = 0;
  startedAtMs = 0;
  /** When it was given to a connection, when that could take it, and when the head of the answer came; -1: never. */
  assignedAtMs = -1;
  sentAtMs = -1;
  answeredAtMs = -1;
  /** Times that it was given to a connection. */
  tries = 0;
  client: LogClient = NOBODY;
  /** Undefined: the connection is in the clear. */
  tls: TlsFacts | undefined = undefined;
  /** It came as TLS early data. */
  isEarly = false;
  backend = '';
  /** Undefined: it was given to no connection. */
  path: LoggedPath | undefined = undefined;
  /** Of the bodies, with their chunked coding where there is one. */
  bytesIn = 0;
  bytesOut = 0;

  begin(nowMs: number): void {
    this.text.clear();
    this.startedAtMs = nowMs;
    this.assignedAtMs = -1;
    this.sentAtMs = -1;
    this.answeredAtMs = -1;
    this.tries = 0;
    this.backend = '';
    this.path = undefined;
    this.tls = undefined;
    this.isEarly = false;
    this.bytesIn = 0;
    this.bytesOut = 0;
  }

  /** Makes room for the parts of a head of `headBytes`, however many of its bytes need an escape. */
  reserve(headBytes: number): void {
    if (headBytes * 6 + 256 > this.text.bytes.length && this.text.bytes.length < MOST_TEXT_BYTES) {
      this.text = new LineBuffer(MOST_TEXT_BYTES);
    }
  }

  /** Given to a connection. */
  onAssigned(nowMs: number, path: LoggedPath): void {
    this.tries++;
    this.assignedAtMs = nowMs;
    this.sentAtMs = -1;
    this.path = path;
  }

  /** That connection could take it. `path`: it may have come about from another port than the one that was tried first. */
  onSent(nowMs: number, path: LoggedPath): void {
    this.sentAtMs = nowMs;
    this.path = path;
  }
}
