export interface SseMessage {
  readonly event: string;
  readonly data: string;
  readonly id: string | undefined;
}

/** Reads `text/event-stream` (HTML living standard, 9.2.6) piece by piece. `EventSource` is no use here: it cannot send a token. */
export class SseParser {
  private rest = '';
  private event = '';
  private data: string[] = [];
  private id: string | undefined = undefined;

  push(piece: string): SseMessage[] {
    const text = this.rest + piece;
    // A carriage return at the end may be the first half of a line's end.
    const lines = text.split(/\r\n|\n|\r(?!$)/);
    this.rest = lines.pop()!;
    return lines.flatMap((line) => this.take(line));
  }

  private take(line: string): SseMessage[] {
    if (line === '') return this.finish();
    const colon = line.indexOf(':');
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (name === 'event') this.event = value;
    else if (name === 'data') this.data.push(value);
    else if (name === 'id') this.id = value;
    return [];
  }

  private finish(): SseMessage[] {
    const { data, event, id } = this;
    this.data = [];
    this.event = '';
    this.id = undefined;
    return data.length === 0 ? [] : [{ event: event === '' ? 'message' : event, data: data.join('\n'), id }];
  }
}
