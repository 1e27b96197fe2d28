import { signal } from '@preact/signals';
import { messageOf } from '../api/api-error.ts';

interface Notice {
  readonly id: number;
  readonly kind: 'done' | 'failed';
  readonly text: string;
}

const MOST = 3;

/** What became of what the operator did, told once, also to a screen reader. */
export class Notices {
  readonly list = signal<readonly Notice[]>([]);
  private next = 0;

  done(text: string): void {
    this.add('done', text);
  }

  failed(error: unknown): void {
    this.add('failed', messageOf(error));
  }

  dismiss(id: number): void {
    this.list.value = this.list.value.filter((notice) => notice.id !== id);
  }

  private add(kind: Notice['kind'], text: string): void {
    this.list.value = [...this.list.value, { id: this.next++, kind, text }].slice(-MOST);
  }
}

export function NoticeList({ notices }: { readonly notices: Notices }) {
  return (
    <div class="notices" role="status" aria-live="polite">
      {notices.list.value.map(({ id, kind, text }) => (
        <div key={id} class={`notice notice-${kind}`}>
          <span class="notice-text">{text}</span>
          <button type="button" class="quiet" aria-label="Dismiss this message" onClick={() => notices.dismiss(id)}>
            ✕
          </button>
        </div>
      ))}
    </div>
  );
}
