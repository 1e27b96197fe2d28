import type { components } from '../admin/client/api.ts';
import type { AdminConfig } from '../config/config.ts';
import { AdminClientError, askAdmin, openAdmin } from './admin-client.ts';
import { credentialsOf } from './admin-credentials.ts';
import { renderStatus, renderTick } from './status-text.ts';

export interface StatusCommandDeps {
  readonly out: { readonly isTTY?: boolean; write(text: string): unknown };
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Cursor to the top left, then clears from there. */
const CLEAR = '\u001b[H\u001b[2J';

/** Prints how a running Portico stands. Throws AdminClientError. */
export async function showStatus({ out, env }: StatusCommandDeps, admin: AdminConfig, isJson: boolean): Promise<void> {
  const status = (await askAdmin(admin, '/api/v1/status', {
    ...credentialsOf(env),
  })) as components['schemas']['Status'];
  out.write(isJson ? `${JSON.stringify(status)}\n` : renderStatus(status));
}

/** Shows each second what happens, until `signal`. Throws AdminClientError, also when Portico stops meanwhile. */
export async function showTop(
  { out, env }: StatusCommandDeps,
  admin: AdminConfig,
  { isJson, signal }: { readonly isJson: boolean; readonly signal: AbortSignal },
): Promise<void> {
  try {
    const stream = await openAdmin(admin, '/api/v1/events?types=status', { ...credentialsOf(env), signal });
    let text = '';
    for await (const part of stream.setEncoding('utf8')) {
      const blocks = `${text}${part}`.split('\n\n');
      text = blocks.pop() ?? '';
      for (const block of blocks) {
        const json = /^data: (.*)$/m.exec(block)?.[1];
        if (json === undefined) continue;
        const shown = isJson ? `${json}\n` : renderTick(JSON.parse(json));
        out.write(!isJson && out.isTTY === true ? CLEAR + shown : shown);
      }
    }
  } catch (error) {
    if (signal.aborted) return;
    if (error instanceof AdminClientError) throw error;
    throw new AdminClientError('ADMIN_UNREACHABLE', 'Portico has stopped, or cut this off.', { cause: error });
  }
  if (!signal.aborted) throw new AdminClientError('ADMIN_UNREACHABLE', 'Portico has stopped.');
}
