import { normalise } from './machine.ts';
import { type RenderOptions, toAscii, wrap } from './render-report.ts';
import type { Changed, ChangeResult } from './tuner.ts';

type What = 'apply' | 'undo';

/** What would be done. */
export function renderPlan(result: ChangeResult, what: What, options: RenderOptions): string {
  const { changed } = result;
  const head =
    changed.length > 0
      ? [
          what === 'apply' ? 'To change:' : 'To put back:',
          ...changed.flatMap((change) => renderChanged(change, options)),
        ]
      : [what === 'apply' ? 'There is nothing to change.' : 'There is nothing to put back.'];
  return finish([...head, ...renderLeft(result, options)], options);
}

/** What was done. */
export function renderChanges(result: ChangeResult, what: What, options: RenderOptions): string {
  const { changed, notices } = result;
  const lines = notices.flatMap((notice) => wrap(`Note: ${notice}.`, options.columns, ''));
  if (changed.length > 0) {
    lines.push(
      ...wrap(
        what === 'apply'
          ? `Done: ${changed.length} changes. \`portico undo\` puts everything back as it was.`
          : `Done: ${changed.length} changes were put back.`,
        options.columns,
        '',
      ),
    );
  }
  if (what === 'apply' && changed.some(({ name }) => name.includes('limits.d'))) {
    lines.push(...wrap('New limits count from the next login on.', options.columns, ''));
  }
  if (what === 'apply' && changed.some(({ name }) => name.includes('portico.service'))) {
    lines.push(...wrap('A running service has them after: systemctl restart portico', options.columns, ''));
  }
  return lines.length === 0 ? '' : finish(lines, options);
}

function renderChanged({ name, from, to }: Changed, { columns }: RenderOptions): string[] {
  if (name.startsWith('/')) {
    const verb = to === null ? 'remove' : from === null ? 'create' : 'rewrite';
    return wrap(`${verb} ${name}`, columns, '  ');
  }
  const [before, after] = [from, to].map((value) => normalise(value ?? 'nothing') || 'nothing');
  return wrap(`${name}: ${before} -> ${after}`, columns, '  ');
}

function renderLeft({ left }: ChangeResult, { columns }: RenderOptions): string[] {
  if (left.length === 0) return [];
  return ['Left as it is:', ...left.flatMap(({ id, detail }) => wrap(`${id} ${detail}`, columns, '  '))];
}

function finish(lines: readonly string[], { isAscii }: RenderOptions): string {
  const text = `${lines.join('\n')}\n`;
  return isAscii ? toAscii(text) : text;
}
