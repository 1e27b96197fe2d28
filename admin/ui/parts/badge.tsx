export type Tone = 'good' | 'warn' | 'bad' | 'off' | 'info';

const SIGNS: Readonly<Record<Tone, string>> = { good: '●', warn: '▲', bad: '■', off: '○', info: '◆' };

/** A state in a word; its sign differs by shape too, for those who do not tell the colours apart. */
export function Badge({ tone, children }: { readonly tone: Tone; readonly children: string }) {
  return (
    <span class={`badge tone-${tone}`}>
      <span class="badge-sign" aria-hidden="true">
        {SIGNS[tone]}
      </span>
      {children}
    </span>
  );
}
