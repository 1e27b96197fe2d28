import type { AccessRecord } from './access-record.ts';
import type { LineBuffer } from './line-buffer.ts';
import { type LogFormat, type LoggedRequest, type LogOutcome, MOST_BYTES } from './log-format.ts';
import { CommonTime } from './log-time.ts';

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');
const NOBODY = bytes(' - - ');
const QUOTE = bytes('"');
const SPACE = bytes(' ');
const OLD = bytes(' HTTP/1.0"');
const NEW = bytes(' HTTP/1.1"');
const UNREAD = bytes('"-"');
const NOTHING = bytes('-');
const NO_FIELDS = bytes(' "-" "-"');
const NO_FIELD = bytes('"-"');
const LINE_END = bytes('\n');

/**
 * The Common Log Format of NCSA and Apache; `isCombined`: with `Referer` and `User-Agent` after it. It has no place for servers, ports and
 * times of its own.
 */
export class CommonFormat implements LogFormat {
  private readonly time = new CommonTime();
  private readonly isCombined: boolean;

  constructor(isCombined: boolean) {
    this.isCombined = isCombined;
  }

  keep(record: AccessRecord, request: LoggedRequest): void {
    const { text } = record;
    const { bytes: from, methodStart, methodEnd, targetStart, targetEnd, isOld } = request;
    text.put(QUOTE);
    text.putEscaped(from, methodStart, methodEnd, MOST_BYTES.method, 'apache');
    text.put(SPACE);
    text.putEscaped(from, targetStart, targetEnd, MOST_BYTES.target, 'apache');
    text.put(isOld ? OLD : NEW);
    record.textSplit = text.end;
    if (!this.isCombined) return;
    putField(text, request, 'referer');
    putField(text, request, 'user-agent');
  }

  write(line: LineBuffer, record: AccessRecord, { status }: LogOutcome, epochMs: number): void {
    const { client, text, textSplit, bytesOut } = record;
    line.putText(client.address);
    line.put(NOBODY);
    this.time.put(line, epochMs);
    line.put(SPACE);
    if (text.end === 0) line.put(UNREAD);
    else line.putFrom(text, 0, textSplit);
    line.put(SPACE);
    line.putInteger(status);
    line.put(SPACE);
    if (bytesOut === 0) line.put(NOTHING);
    else line.putInteger(bytesOut);
    if (this.isCombined) {
      if (text.end === 0) line.put(NO_FIELDS);
      else line.putFrom(text, textSplit, text.end);
    }
    line.put(LINE_END);
  }
}

function putField(text: LineBuffer, request: LoggedRequest, name: string): void {
  const field = request.findField(name);
  text.put(SPACE);
  if (field < 0) {
    text.put(NO_FIELD);
    return;
  }
  text.put(QUOTE);
  text.putEscaped(request.bytes, request.valueStart(field), request.valueEnd(field), MOST_BYTES.field, 'apache');
  text.put(QUOTE);
}
