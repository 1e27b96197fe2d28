import { useState } from 'preact/hooks';
import { Dialog } from '../parts/dialog.tsx';
import { useServices } from '../services.ts';

/** Asks for the bearer token. It is kept in this tab's session storage and nowhere else. */
export function TokenDialog() {
  const { api, live } = useServices();
  const [token, setToken] = useState('');
  const { isRefused } = api.token;
  return (
    <Dialog title="This Portico asks for a token">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (token.trim() === '') return;
          api.token.give(token.trim());
          live.hurry();
        }}
      >
        <p class="muted" id="token-help">
          It is in the file that <code>admin.token_file</code> names in portico.yaml. This tab remembers it until it is
          closed.
        </p>
        {isRefused.value ? (
          <p class="problem" role="alert">
            That token was not taken. Copy the file's only line again, without spaces.
          </p>
        ) : null}
        <label class="field">
          Token
          <input
            type="password"
            autocomplete="off"
            spellcheck={false}
            aria-describedby="token-help"
            value={token}
            onInput={(event) => setToken(event.currentTarget.value)}
          />
        </label>
        <div class="actions">
          <button type="submit" class="primary">
            Continue
          </button>
        </div>
      </form>
    </Dialog>
  );
}
