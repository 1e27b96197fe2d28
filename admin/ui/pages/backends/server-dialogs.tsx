import { useState } from 'preact/hooks';
import type { Server } from '../../api/answers.ts';
import { messageOf } from '../../api/api-error.ts';
import { ChangeDialog } from '../../parts/change-dialog.tsx';
import { useServices } from '../../services.ts';

interface DialogProps {
  readonly backend: string;
  readonly onDone: () => void;
  readonly onClose: () => void;
}

const STATES: readonly (readonly [Server['state'], string])[] = [
  ['ready', 'Ready: gets requests'],
  ['drain', 'Drain: what is open is finished, sessions stick, nothing new'],
  ['maintenance', 'Maintenance: nothing, and no health checks'],
];

const MAX_WEIGHT = 256;

function Weight({ value, onChange }: { readonly value: number; readonly onChange: (value: number) => void }) {
  return (
    <label class="field">
      Weight
      <input
        type="number"
        min={0}
        max={MAX_WEIGHT}
        required
        value={value}
        onInput={(event) => onChange(event.currentTarget.valueAsNumber)}
      />
      <span class="field-hint">Its share of new requests among the servers of the backend, 0 to {MAX_WEIGHT}.</span>
    </label>
  );
}

export function AddServer({ backend, onDone, onClose }: DialogProps) {
  const { api, notices } = useServices();
  const [address, setAddress] = useState('');
  const [weight, setWeight] = useState(1);
  const [backup, setBackup] = useState(false);
  const add = async (isKept: boolean): Promise<void> => {
    const body = { address: address.trim(), weight, backup };
    await api.client.POST('/api/v1/backends/{backend}/servers', {
      params: { path: { backend }, query: { keep: isKept } },
      body,
    });
    notices.done(`${body.address} was added to backend ${backend}.`);
    onDone();
  };
  return (
    <ChangeDialog title={`Add a server to backend ${backend}`} action="Add" onConfirm={add} onClose={onClose}>
      <label class="field">
        IP address and port
        <input
          class="mono"
          required
          placeholder="10.0.0.5:8080"
          spellcheck={false}
          autocomplete="off"
          value={address}
          onInput={(event) => setAddress(event.currentTarget.value)}
        />
      </label>
      <Weight value={weight} onChange={setWeight} />
      <label class="check">
        <input type="checkbox" checked={backup} onChange={(event) => setBackup(event.currentTarget.checked)} />
        Backup: only while no other server is available
      </label>
    </ChangeDialog>
  );
}

export function EditServer({ backend, server, onDone, onClose }: DialogProps & { readonly server: Server }) {
  const { api, notices } = useServices();
  const [state, setState] = useState(server.state);
  const [weight, setWeight] = useState(server.weight);
  const [isRemoval, setRemoval] = useState(false);
  const save = async (isKept: boolean): Promise<void> => {
    const params = { path: { backend, server: server.id }, query: { keep: isKept } };
    if (isRemoval) {
      await api.client.DELETE('/api/v1/backends/{backend}/servers/{server}', { params });
      notices.done(`${server.id} leaves backend ${backend}.`);
    } else {
      await api.client.PATCH('/api/v1/backends/{backend}/servers/{server}', { params, body: { state, weight } });
      notices.done(`${server.id} was changed.`);
    }
    onDone();
  };
  return (
    <ChangeDialog
      title={`Server ${server.id}`}
      action={isRemoval ? 'Remove' : 'Save'}
      isDangerous={isRemoval}
      onConfirm={save}
      onClose={onClose}
    >
      <fieldset disabled={isRemoval}>
        <legend>State</legend>
        {STATES.map(([value, text]) => (
          <label key={value} class="check">
            <input type="radio" name="state" checked={state === value} onChange={() => setState(value)} />
            {text}
          </label>
        ))}
      </fieldset>
      <Weight value={weight} onChange={setWeight} />
      <label class="check">
        <input type="checkbox" checked={isRemoval} onChange={(event) => setRemoval(event.currentTarget.checked)} />
        Remove it from the backend; what is open is finished
      </label>
    </ChangeDialog>
  );
}

/** Drains a server that is ready, and makes any other ready. */
export function useToggle(onDone: () => void): (backend: string, server: Server) => Promise<void> {
  const { api, notices } = useServices();
  return async (backend, { id, state }) => {
    const wanted = state === 'ready' ? 'drain' : 'ready';
    try {
      await api.client.PATCH('/api/v1/backends/{backend}/servers/{server}', {
        params: { path: { backend, server: id } },
        body: { state: wanted },
      });
      notices.done(wanted === 'drain' ? `${id} is being drained.` : `${id} gets requests again.`);
      onDone();
    } catch (error) {
      notices.failed(messageOf(error));
    }
  };
}
