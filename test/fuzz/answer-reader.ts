/** One answer as a client reads it; interim ones are passed over. */
export interface Answer {
  readonly status: number;
  readonly head: string;
  readonly body: string;
  /** Where the next one starts. */
  readonly end: number;
}

const INTERIM = /^HTTP\/1\.1 1\d\d /;

/**
 * Reads the answer that starts at `from`; undefined while it is not whole. Reads what Portico writes and nothing else, so that it is a
 * check of its own. Throws on anything else.
 */
export function readAnswer(text: string, from: number, toHead: boolean, isClosed: boolean): Answer | undefined {
  for (let start = from; ; ) {
    const headEnd = text.indexOf('\r\n\r\n', start);
    if (headEnd < 0) return undefined;
    const head = text.slice(start, headEnd + 4);
    const bodyStart = headEnd + 4;
    if (INTERIM.test(head)) {
      start = bodyStart;
      continue;
    }
    const line = /^HTTP\/1\.1 ([2-5]\d\d) [^\r\n]*\r\n/.exec(head);
    if (line === null) throw new Error(`no status line: ${JSON.stringify(head)}`);
    const status = Number(line[1]);
    const lengths = [...head.matchAll(/\r\ncontent-length:[ \t]*(\d+)[ \t]*(?=\r\n)/gi)];
    const isChunked = /\r\nTransfer-Encoding: chunked\r\n/.test(head);
    if (lengths.length + Number(isChunked) > 1) throw new Error(`two lengths: ${JSON.stringify(head)}`);
    if (toHead || status === 204 || status === 304) return { status, head, body: '', end: bodyStart };
    if (isChunked) return readChunked(text, { status, head, bodyStart });
    if (lengths[0] !== undefined) {
      const end = bodyStart + Number(lengths[0][1]);
      return text.length < end ? undefined : { status, head, body: text.slice(bodyStart, end), end };
    }
    return isClosed ? { status, head, body: text.slice(bodyStart), end: text.length } : undefined;
  }
}

function readChunked(
  text: string,
  { status, head, bodyStart }: { status: number; head: string; bodyStart: number },
): Answer | undefined {
  let body = '';
  for (let at = bodyStart; ; ) {
    const lineEnd = text.indexOf('\r\n', at);
    if (lineEnd < 0) return undefined;
    const digits = text.slice(at, lineEnd);
    if (!/^(0|[1-9a-f][0-9a-f]*)$/.test(digits)) throw new Error(`a chunk of ${JSON.stringify(digits)}`);
    const size = Number.parseInt(digits, 16);
    at = lineEnd + 2;
    if (size === 0) {
      while (!text.startsWith('\r\n', at)) {
        const next = text.indexOf('\r\n', at);
        if (next < 0) return undefined;
        at = next + 2;
      }
      return { status, head, body, end: at + 2 };
    }
    if (text.length < at + size + 2) return undefined;
    body += text.slice(at, at + size);
    if (!text.startsWith('\r\n', at + size)) throw new Error('a chunk without its end');
    at += size + 2;
  }
}
