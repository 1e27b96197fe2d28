import { isDeepStrictEqual } from 'node:util';
import {
  type Document,
  isCollection,
  isMap,
  isScalar,
  isSeq,
  parseDocument,
  type ToStringOptions,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml';
import { serverId } from './server-id.ts';

/** A change at run time that can be written into a portico.yaml. */
export type RuntimeEdit =
  | {
      readonly kind: 'server';
      readonly backend: string;
      /** As an IP address and a port, however it is written in the file. */
      readonly server: string;
      readonly weight: number;
      readonly state: 'ready' | 'drain' | 'maintenance';
      readonly backup: boolean;
    }
  | { readonly kind: 'server-removed'; readonly backend: string; readonly server: string }
  | { readonly kind: 'address'; readonly pool: string; readonly address: string }
  | { readonly kind: 'address-removed'; readonly pool: string; readonly address: string };

/**
 * The text with the edit made, comments and order as they were; undefined where the text has no place for it (a backend that is not in
 * it, an address within a range). The result is to be checked like any other text.
 */
export function editText(text: string, edit: RuntimeEdit): string | undefined {
  const document = parseDocument(text, { prettyErrors: false });
  if (document.errors.length > 0) return undefined;
  const style = styleOf(text);
  const written = document.toString(style);
  if (!make(document, edit)) return undefined;
  return onlyWhatChanged(text, written, document.toString(style));
}

/** The text is written anew, in the habits of the one who wrote it. */
function styleOf(text: string): ToStringOptions {
  const isFlat = /^( *)[^\s#-][^\n]*:[ \t]*\n\1- /m.test(text);
  return { lineWidth: 0, indentSeq: !isFlat, flowCollectionPadding: !/\{\S/.test(text) };
}

/**
 * `text` with the lines that differ between `before` and `after`, which is how the library would write it without and with the change: all
 * other lines stay as somebody wrote them. Where its lines are others than those of the text, or that would say something else, `after`.
 */
function onlyWhatChanged(text: string, before: string, after: string): string {
  const [own, from, to] = [text, before, after].map((each) => each.split('\n')) as [string[], string[], string[]];
  if (own.length !== from.length) return after;
  let start = 0;
  while (start < from.length && from[start] === to[start]) start++;
  let end = 0;
  while (end < Math.min(from.length, to.length) - start && from.at(-1 - end) === to.at(-1 - end)) end++;
  const merged = [...own.slice(0, start), ...to.slice(start, to.length - end), ...own.slice(own.length - end)].join(
    '\n',
  );
  return isDeepStrictEqual(readValue(merged), readValue(after)) ? merged : after;
}

function readValue(text: string): unknown {
  const document = parseDocument(text, { prettyErrors: false });
  return document.errors.length > 0 ? undefined : document.toJS();
}

function make(document: Document, edit: RuntimeEdit): boolean {
  switch (edit.kind) {
    case 'server': {
      const servers = serversOf(document, edit.backend);
      if (servers === undefined) return false;
      let server = findServer(servers, edit.server);
      if (server === undefined) {
        server = document.createNode({ address: edit.server }, { flow: true }) as YAMLMap;
        servers.add(server);
      }
      setUnlessDefault(server, 'weight', edit.weight, 1);
      setUnlessDefault(server, 'backup', edit.backup, false);
      setUnlessDefault(server, 'state', edit.state, 'ready');
      return true;
    }
    case 'server-removed': {
      const servers = serversOf(document, edit.backend);
      return servers !== undefined && remove(servers, findServer(servers, edit.server));
    }
    case 'address': {
      const addresses = addressesOf(document, edit.pool);
      addresses?.add(document.createNode(edit.address));
      return addresses !== undefined;
    }
    case 'address-removed': {
      const addresses = addressesOf(document, edit.pool);
      const found = addresses?.items.find((item) => isScalar(item) && item.value === edit.address);
      return addresses !== undefined && remove(addresses, found);
    }
    default:
      return edit satisfies never;
  }
}

function serversOf(document: Document, backend: string): YAMLSeq | undefined {
  const backends = document.get('backends');
  const found = isSeq(backends) ? find(backends, 'name', backend) : undefined;
  const servers = found?.get('servers');
  return isSeq(servers) ? servers : undefined;
}

function addressesOf(document: Document, pool: string): YAMLSeq | undefined {
  const sources = document.get('sources');
  const found = isSeq(sources) ? find(sources, 'name', pool) : undefined;
  const addresses = found?.get('addresses');
  return isSeq(addresses) ? addresses : undefined;
}

function find(list: YAMLSeq, key: string, value: string): YAMLMap | undefined {
  return list.items.filter((item) => isMap(item)).find((item) => item.get(key) === value);
}

function findServer(servers: YAMLSeq, id: string): YAMLMap | undefined {
  return servers.items.filter((item) => isMap(item)).find((item) => serverId(item.get('address')) === id);
}

/** A list is never left empty: the file would not be valid. */
function remove(list: YAMLSeq, item: unknown): boolean {
  const index = list.items.indexOf(item);
  if (index < 0 || list.items.length === 1) return false;
  const next = list.items[index + 1];
  const { commentBefore } = item as { commentBefore?: string | null };
  list.items.splice(index, 1);
  // The comment over a list is the first member's.
  if (index === 0 && isCollection(next) && commentBefore != null) next.commentBefore ??= commentBefore;
  return true;
}

/** A key that the file does not have and that says nothing new stays out of it. */
function setUnlessDefault(map: YAMLMap, key: string, value: unknown, initial: unknown): void {
  if (value === initial && !map.has(key)) return;
  map.set(key, value);
}
