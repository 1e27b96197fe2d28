import { signal } from '@preact/signals';

const KEY = 'portico-token';

/** The bearer token, kept for this tab alone and gone with it. */
export class TokenStore {
  /** True while the server asks for a token that this page does not have. */
  readonly isWanted = signal(false);
  /** The token that was given was not the right one. */
  readonly isRefused = signal(false);
  private readonly storage: Storage;

  constructor(storage: Storage) {
    this.storage = storage;
  }

  get(): string | undefined {
    return this.storage.getItem(KEY) ?? undefined;
  }

  give(token: string): void {
    this.storage.setItem(KEY, token);
    this.isWanted.value = false;
    this.isRefused.value = false;
  }

  /** The server did not take what it was sent with. An answer to an earlier token says nothing of the one that there is now. */
  refuse(sent: string | undefined): void {
    if (sent !== this.get()) return;
    if (sent !== undefined) this.isRefused.value = true;
    this.storage.removeItem(KEY);
    this.isWanted.value = true;
  }
}
