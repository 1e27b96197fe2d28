import type { ProbeResult } from './probe.ts';

const STATUS_LINE = /^HTTP\/1\.[01] ([1-5]\d\d)(?: |\r)/;
const MAX_HEAD_BYTES = 16384;

/**
 * What the answer to a health check says so far, read as latin1; undefined while it is too short to say. 2xx and 3xx pass. Interim answers
 * (100 Continue, 103 Early Hints) are passed over, as RFC 9110 §15.2 asks of every client.
 */
export function judgeAnswer(text: string): ProbeResult | undefined {
  let head = text;
  for (;;) {
    const match = STATUS_LINE.exec(head);
    if (match === null) return isHopeless(head) ? { outcome: 'failed', reason: 'not an HTTP answer' } : undefined;
    const status = Number(match[1]);
    if (status >= 200 || status === 101) {
      return status >= 200 && status < 400 ? { outcome: 'passed' } : { outcome: 'failed', reason: `status ${status}` };
    }
    const end = head.indexOf('\r\n\r\n');
    if (end < 0) return text.length > MAX_HEAD_BYTES ? { outcome: 'failed', reason: 'not an HTTP answer' } : undefined;
    head = head.slice(end + 4);
  }
}

/** No byte that may follow makes a status line of it. */
function isHopeless(head: string): boolean {
  return head.includes('\n') || head.length > MAX_HEAD_BYTES || !'HTTP/1.'.startsWith(head.slice(0, 7));
}
