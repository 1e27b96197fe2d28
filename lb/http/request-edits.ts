import type { PathChanger } from '../route/path-changer.ts';
import type { Exchange } from './exchange.ts';
import type { FieldEdits } from './field-edits.ts';
import type { Forwarding } from './forwarding.ts';
import type { HeadBuffers } from './head-buffers.ts';
import type { RequestHead } from './request-head.ts';
import type { RequestView } from './request-view.ts';

/** What a route changes in the requests that take it, beyond what every request gets. */
export interface RequestEdits {
  readonly forwarding: Forwarding;
  readonly fields: FieldEdits | undefined;
  readonly host: string | undefined;
  readonly path: PathChanger | undefined;
}

const ADDED_BYTES = 64;

/** As `writeRequestHead`, for requests with something to change: by way of text, since it is the exception. */
export function writeEditedRequestHead(
  heads: HeadBuffers,
  exchange: Exchange,
  head: RequestHead,
  bytes: Buffer,
  headEnd: number,
  view: RequestView,
  edits: RequestEdits,
): void {
  const { fields } = head;
  const { dropped = [] } = edits.fields ?? {};
  const added = edits.forwarding.fieldsFor(view).filter(({ name }) => !dropped.includes(name.toLowerCase()));
  const ownLines = edits.fields?.lines(view.lookup) ?? '';
  const target = edits.path === undefined ? view.path : edits.path(view.path);
  const start = `${view.method} ${target}${view.query} HTTP/1.1\r\nHost: ${edits.host ?? (head.writesHost ? view.hostForUrl : view.authority)}\r\n`;
  let end = '';
  for (const { name, value } of added) {
    // More of `Via` may have come; of the others what came is in the value already.
    if (name !== 'Via') fields.drop(bytes, name.toLowerCase());
    end += `${name}: ${value}\r\n`;
  }
  end += `${ownLines}${head.upgrade !== '' ? 'Connection: Upgrade\r\n\r\n' : '\r\n'}`;
  fields.drop(bytes, 'host');
  if (edits.forwarding.certificateName !== undefined) fields.dropResembling(bytes, edits.forwarding.certificateName);
  for (const name of dropped) fields.drop(bytes, name);
  const into = heads.take(start.length + (headEnd - head.methodStart) + end.length + ADDED_BYTES);
  let at = into.latin1Write(start, 0);
  at = fields.copyKept(bytes, headEnd, into, at);
  at += into.latin1Write(end, at);
  exchange.head = into;
  exchange.headLength = at;
}
