import type { BackendConfig } from '../../config/config.ts';
import type { RequestHead } from './request-head.ts';

/** What `balance: hash` hashes of this request; undefined where the header or cookie is missing. */
export function hashKey(
  by: BackendConfig['hash'],
  head: RequestHead,
  bytes: Buffer,
  clientAddress: () => string,
): string | undefined {
  switch (by.by) {
    case 'client':
      return clientAddress();
    case 'header': {
      const i = head.fields.find(bytes, by.name.toLowerCase());
      return i < 0 ? undefined : head.fields.value(bytes, i);
    }
    case 'cookie': {
      const i = head.fields.find(bytes, 'cookie');
      return i < 0 ? undefined : cookieValue(head.fields.value(bytes, i), by.name);
    }
    default:
      return by satisfies never;
  }
}

/** The value of that name in a `Cookie` field. */
export function cookieValue(cookies: string, name: string): string | undefined {
  for (const pair of cookies.split(';')) {
    const equals = pair.indexOf('=');
    if (equals > 0 && pair.slice(0, equals).trim() === name) return pair.slice(equals + 1).trim();
  }
  return undefined;
}
