import type { Attention } from '../../model/attention.ts';

const WORDS = { bad: 'Urgent', warn: 'Soon' } as const;

export function AttentionList({ items }: { readonly items: readonly Attention[] }) {
  return (
    <section class="attention" aria-label="What needs attention">
      {items.length === 0 ? (
        <p class="calm">
          <span aria-hidden="true">✓</span> Nothing needs attention.
        </p>
      ) : (
        <ul>
          {items.map(({ severity, text, detail, action, href }) => (
            <li key={text} class={`attention-${severity}`}>
              <span class="attention-word">{WORDS[severity]}</span>
              <span class="attention-text">
                {text}
                {detail === undefined ? null : <span class="attention-detail">{detail}</span>}
              </span>
              <a href={href}>{action}</a>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
