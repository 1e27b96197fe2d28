import type { HttpCheckConfig } from '../../config/config.ts';
import type { ProbeResult } from './probe.ts';

const STATUS_LINE = /^HTTP\/1\.[01] ([1-5]\d\d)(?: |\r)/;
const MAX_HEAD_BYTES = 16384;
/** How far a body is searched. */
const MAX_BODY_BYTES = 65536;

type Expected = Pick<HttpCheckConfig, 'statuses' | 'body'>;

const NO_HTTP: ProbeResult = { outcome: 'failed', reason: 'not an HTTP answer' };

/**
 * What the answer to a health check says so far, read as latin1; undefined while it is too short to say. `isWhole`: nothing more will
 * come. Interim answers (100 Continue, 103 Early Hints) are passed over, as RFC 9110 §15.2 asks of every client.
 */
export function judgeAnswer(text: string, expected: Expected, isWhole: boolean): ProbeResult | undefined {
  let head = text;
  for (;;) {
    const match = STATUS_LINE.exec(head);
    if (match === null) return isHopeless(head) ? NO_HTTP : undefined;
    const status = Number(match[1]);
    const end = head.indexOf('\r\n\r\n');
    if (status >= 200 || status === 101) {
      if (!expected.statuses.some(([first, last]) => status >= first && status <= last)) {
        return { outcome: 'failed', reason: `status ${status}` };
      }
      if (expected.body === undefined) return { outcome: 'passed' };
    }
    if (end < 0) return head.length > MAX_HEAD_BYTES ? NO_HTTP : undefined;
    if (status >= 200 || status === 101) {
      return judgeBody(head.slice(0, end), head.slice(end + 4), expected.body!, isWhole);
    }
    head = head.slice(end + 4);
  }
}

/** No byte that may follow makes a status line of it. */
function isHopeless(head: string): boolean {
  return head.includes('\n') || head.length > MAX_HEAD_BYTES || !'HTTP/1.'.startsWith(head.slice(0, 7));
}

function judgeBody(head: string, raw: string, wanted: string, isWhole: boolean): ProbeResult | undefined {
  const body = /^transfer-encoding:[ \t]*chunked[ \t]*$/im.test(head) ? withoutChunks(raw) : raw;
  // The body was read as latin1: so must what it is compared with.
  if (body.includes(Buffer.from(wanted, 'utf8').toString('latin1'))) return { outcome: 'passed' };
  const length = Number(/^content-length:[ \t]*(\d+)[ \t]*$/im.exec(head)?.[1] ?? Number.NaN);
  if (!isWhole && !(raw.length >= length) && raw.length < MAX_BODY_BYTES) return undefined;
  return { outcome: 'failed', reason: 'the body does not contain what it should' };
}

/** The data of the chunks that are there, as far as they can be read. */
function withoutChunks(raw: string): string {
  let data = '';
  let at = 0;
  for (;;) {
    const line = /^([0-9a-f]{1,8})[^\r\n]*\r\n/i.exec(raw.slice(at, at + 256));
    const size = line === null ? 0 : Number.parseInt(line[1]!, 16);
    if (line === null || size === 0) return data;
    at += line[0].length;
    data += raw.slice(at, at + size);
    at += size + 2;
  }
}
