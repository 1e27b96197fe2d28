import type { Arena } from '../net/arena.ts';
import { ChunkedReader } from './chunked.ts';
import type { Exchange } from './exchange.ts';
import type { FieldEdits } from './field-edits.ts';
import type { AnswerValues, RequestView } from './request-view.ts';
import type { ResponseHead } from './response-head.ts';
import { type BodyCoding, bodyPartRoom, writeBodyPart, writeResponseHead } from './response-writer.ts';

/** Puts one answer into the form that its client understands. One object for all answers of a connection. */
export class AnswerWriter {
  /** The status of the answer under way, or of the last one. */
  status = 0;
  /** Changes to the header of the answer that is awaited, and the values for them. */
  private edits: FieldEdits | undefined = undefined;
  private values: AnswerValues | undefined = undefined;
  private server = '';
  /** The line that keeps the client's session on its server. */
  private session = '';
  private isOldClient = false;
  private coding: BodyCoding = 'as-is';
  private decoder: ChunkedReader | undefined = undefined;

  /** An answer is awaited, and `edits` to be made to it. `view`: the request, which edits with variables need. */
  expect(edits: FieldEdits | undefined, view: RequestView | undefined): void {
    this.edits = edits;
    this.values = edits?.hasVariables === true ? view?.capture() : undefined;
  }

  /**
   * Takes the head of the answer to `exchange` for a client of HTTP/1.0 (`isOldClient`) or later. Returns whether its body can only end with the
   * connection. Bodies that the server ends so become chunks where the client knows them, so that the connection can live on.
   */
  begin(head: ResponseHead, isOldClient: boolean, exchange: Exchange): boolean {
    this.status = head.status;
    this.server = exchange.server?.id ?? '';
    this.session = exchange.sessionLine;
    this.isOldClient = isOldClient;
    if (head.framing === 'chunked') this.coding = isOldClient ? 'decode' : 'rechunk';
    else this.coding = head.framing === 'close' && !isOldClient ? 'encode' : 'as-is';
    this.decoder = head.framing === 'chunked' ? new ChunkedReader() : undefined;
    return isOldClient && (head.framing === 'chunked' || head.framing === 'close');
  }

  /** Writes the head, and the part of the body at [from, to), into `arena` from its offset on; returns the end. `from` is where the head ends; `closes`: the connection ends after this answer. */
  writeHead(
    arena: Arena,
    head: ResponseHead,
    bytes: Buffer,
    from: number,
    to: number,
    isLast: boolean,
    closes: boolean,
  ): number {
    const { session } = this;
    if (session !== '') head.isVerbatim = false;
    const added = this.edits === undefined ? session : session + this.edit(this.edits, head, bytes);
    const room = bodyPartRoom(to - from, this.decoder);
    const end = writeResponseHead(arena, head, bytes, from, this.isOldClient, closes, this.coding, room, added);
    return writeBodyPart(arena.slab, end, bytes, from, to, isLast, this.coding, this.decoder);
  }

  /** Takes out the fields that do not go on, and returns the lines to add. */
  private edit(edits: FieldEdits, head: ResponseHead, bytes: Buffer): string {
    const { values, server } = this;
    head.isVerbatim = false;
    for (const name of edits.dropped) head.fields.drop(bytes, name);
    return edits.lines((variable) =>
      variable === 'server' ? server : (values?.[variable as keyof AnswerValues] ?? ''),
    );
  }

  /** Writes the next part of the body; returns the end. */
  writePart(arena: Arena, bytes: Buffer, from: number, to: number, isLast: boolean): number {
    arena.reserve(bodyPartRoom(to - from, this.decoder));
    return writeBodyPart(arena.slab, arena.offset, bytes, from, to, isLast, this.coding, this.decoder);
  }
}
