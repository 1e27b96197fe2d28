import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { messageOf } from '../api/api-error.ts';
import { Dialog } from './dialog.tsx';

export interface ChangeDialogProps {
  readonly title: string;
  /** What the button says that does it. */
  readonly action: string;
  readonly isDangerous?: boolean;
  readonly canKeep?: boolean;
  /** Does it; what it throws is shown, and the dialog stays. `isKept`: also in the config file. */
  readonly onConfirm: (isKept: boolean) => Promise<void>;
  readonly onClose: () => void;
  readonly children?: ComponentChildren;
}

/** Asks before something is changed, and says in place why it was not. */
export function ChangeDialog(props: ChangeDialogProps) {
  const { title, action, isDangerous = false, canKeep = true, onConfirm, onClose, children } = props;
  const [isKept, setKept] = useState(false);
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | undefined>(undefined);
  const confirm = async (event: Event): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    setProblem(undefined);
    try {
      await onConfirm(isKept);
      onClose();
    } catch (error) {
      setProblem(messageOf(error));
      setBusy(false);
    }
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <form onSubmit={confirm}>
        {children}
        {canKeep ? (
          <label class="check">
            <input type="checkbox" checked={isKept} onChange={(event) => setKept(event.currentTarget.checked)} />
            Also write it into portico.yaml, for the next start
          </label>
        ) : null}
        {problem === undefined ? null : (
          <p class="problem" role="alert">
            {problem}
          </p>
        )}
        <div class="actions">
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class={isDangerous ? 'danger' : 'primary'} disabled={isBusy}>
            {action}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
