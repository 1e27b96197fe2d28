import type { TlsFacts } from '../tls/tls-facts.ts';
import type { AccessRecord } from './access-record.ts';
import type { LineBuffer } from './line-buffer.ts';
import { type LogClient, type LogFormat, type LoggedRequest, type LogOutcome, MOST_BYTES } from './log-format.ts';
import { IsoTime } from './log-time.ts';
import type { LoggedPath } from './logged-path.ts';

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');
const METHOD = bytes(',"method":"');
const HOST = bytes('","host":"');
const PATH = bytes('","path":"');
const OLD = bytes('","protocol":"HTTP/1.0"');
const NEW = bytes('","protocol":"HTTP/1.1"');
const REFERER = bytes(',"referer":"');
const USER_AGENT = bytes(',"user_agent":"');
const TRACEPARENT = bytes(',"traceparent":"');
const REQUEST_ID = bytes(',"request_id":"');
const QUOTE = bytes('"');
const STATUS = bytes(',"status":');
const BYTES_IN = bytes(',"bytes_in":');
const BYTES_OUT = bytes(',"bytes_out":');
const QUEUE = bytes(',"queue_ms":');
const CONNECT = bytes(',"connect_ms":');
const FIRST_BYTE = bytes(',"first_byte_ms":');
const TOTAL = bytes(',"total_ms":');
const TLS = bytes(',"tls":"');
const TLS_CIPHER = bytes('","tls_cipher":"');
const TLS_HANDSHAKE = bytes('","tls_handshake":"');
const EARLY_DATA = bytes(',"early_data":true');
const END = bytes(',"end":"');
const FINE = bytes(',"end":"ok"}\n');
const LINE_END = bytes('"}\n');

/** One JSON object a line. What never came about is left out: a request without a server has no `server`. */
export class JsonFormat implements LogFormat {
  private readonly time = new IsoTime('{"time":"');
  /** By name. There are as many as the listener's routes lead to. */
  private readonly backends = new Map<string, Buffer>();
  private readonly listener: Buffer;

  constructor(listener: string) {
    this.listener = bytes(`","listener":"${listener}"`);
  }

  keep({ text }: AccessRecord, request: LoggedRequest, requestId: string | undefined): void {
    const { bytes: from, methodStart, methodEnd, hostStart, hostEnd, targetStart, targetEnd, isOld } = request;
    text.put(METHOD);
    text.putEscaped(from, methodStart, methodEnd, MOST_BYTES.method, 'json');
    text.put(HOST);
    text.putEscaped(from, hostStart, hostEnd, MOST_BYTES.host, 'json');
    text.put(PATH);
    text.putEscaped(from, targetStart, targetEnd, MOST_BYTES.target, 'json');
    text.put(isOld ? OLD : NEW);
    putField(text, request, 'referer', REFERER);
    putField(text, request, 'user-agent', USER_AGENT);
    putField(text, request, 'traceparent', TRACEPARENT);
    if (requestId === undefined) return;
    const id = bytes(requestId);
    text.put(REQUEST_ID);
    text.putEscaped(id, 0, id.length, MOST_BYTES.field, 'json');
    text.put(QUOTE);
  }

  write(line: LineBuffer, record: AccessRecord, outcome: LogOutcome, epochMs: number): void {
    const { client, path, text, startedAtMs, assignedAtMs, sentAtMs, answeredAtMs } = record;
    this.time.put(line, epochMs);
    line.put(this.listener);
    client.json ??= clientJson(client);
    line.put(client.json);
    line.putFrom(text, 0, text.end);
    line.put(STATUS);
    line.putInteger(outcome.status);
    line.put(BYTES_IN);
    line.putInteger(record.bytesIn);
    line.put(BYTES_OUT);
    line.putInteger(record.bytesOut);
    if (record.backend !== '') line.put(this.backendJson(record.backend));
    if (path !== undefined) {
      path.json ??= pathJson(path);
      line.put(path.json);
      line.putInteger(record.tries - 1);
      line.put(QUEUE);
      line.putMilliseconds(assignedAtMs - startedAtMs);
    }
    if (sentAtMs >= 0) {
      line.put(CONNECT);
      line.putMilliseconds(sentAtMs - assignedAtMs);
    }
    if (answeredAtMs >= 0) {
      line.put(FIRST_BYTE);
      line.putMilliseconds(answeredAtMs - sentAtMs);
    }
    if (record.tls !== undefined) putTls(line, record.tls, record.isEarly);
    line.put(TOTAL);
    line.putMilliseconds(outcome.endedAtMs - startedAtMs);
    if (outcome.end === 'ok') {
      line.put(FINE);
      return;
    }
    line.put(END);
    line.putText(outcome.end);
    line.put(LINE_END);
  }

  private backendJson(name: string): Buffer {
    const known = this.backends.get(name);
    if (known !== undefined) return known;
    const made = bytes(`,"backend":"${name}"`);
    this.backends.set(name, made);
    return made;
  }
}

function clientJson({ address, port }: LogClient): Buffer {
  return bytes(`,"client":"${address}","client_port":${port}`);
}

function pathJson({ server, source, sourcePort }: LoggedPath): Buffer {
  return bytes(`,"server":"${server}","source":"${source}","source_port":${sourcePort},"retries":`);
}

function putTls(line: LineBuffer, { version, cipher, kind }: TlsFacts, isEarly: boolean): void {
  line.put(TLS);
  line.putText(version);
  line.put(TLS_CIPHER);
  line.putText(cipher);
  line.put(TLS_HANDSHAKE);
  line.putText(kind);
  line.put(QUOTE);
  if (isEarly) line.put(EARLY_DATA);
}

function putField(text: LineBuffer, request: LoggedRequest, name: string, start: Buffer): void {
  const field = request.findField(name);
  if (field < 0) return;
  text.put(start);
  text.putEscaped(request.bytes, request.valueStart(field), request.valueEnd(field), MOST_BYTES.field, 'json');
  text.put(QUOTE);
}
