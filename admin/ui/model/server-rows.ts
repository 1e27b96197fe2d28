import type { Backend, ServerInUse } from '../api/answers.ts';

export type ServerRow =
  | { readonly kind: 'backend'; readonly backend: Backend; readonly shown: number }
  | { readonly kind: 'server'; readonly backend: string; readonly server: ServerInUse };

/** Backends with their servers below; `text` is a part of a server's address or name, `name` the only backend to show. */
export function serverRows(backends: readonly Backend[], name: string | undefined, text: string): ServerRow[] {
  return backends.flatMap((backend): ServerRow[] => {
    if (name !== undefined && backend.name !== name) return [];
    const servers = backend.servers.filter((server) => server.id.includes(text) || server.name?.includes(text));
    return [
      { kind: 'backend', backend, shown: servers.length },
      ...servers.map((server): ServerRow => ({ kind: 'server', backend: backend.name, server })),
    ];
  });
}
