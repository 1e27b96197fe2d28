import { useState } from 'preact/hooks';
import type { Source } from '../../api/answers.ts';
import { ChangeDialog } from '../../parts/change-dialog.tsx';
import { useServices } from '../../services.ts';

interface DialogProps {
  readonly onDone: () => void;
  readonly onClose: () => void;
}

export function AddAddress({ pool, onDone, onClose }: DialogProps & { readonly pool: string }) {
  const { api, notices } = useServices();
  const [address, setAddress] = useState('');
  const add = async (isKept: boolean): Promise<void> => {
    await api.client.POST('/api/v1/sources/{pool}/addresses', {
      params: { path: { pool }, query: { keep: isKept } },
      body: { address: address.trim() },
    });
    notices.done(`${address.trim()} was added to pool ${pool}.`);
    onDone();
  };
  return (
    <ChangeDialog title={`Add an address to pool ${pool}`} action="Add" onConfirm={add} onClose={onClose}>
      <label class="field">
        IP address
        <input
          class="mono"
          required
          spellcheck={false}
          autocomplete="off"
          value={address}
          onInput={(event) => setAddress(event.currentTarget.value)}
        />
        <span class="field-hint">
          Where the pool claims its addresses, Portico first asks the link whether somebody has it, and adds it to the
          interface.
        </span>
      </label>
    </ChangeDialog>
  );
}

export function DrainAddress({ source, onDone, onClose }: DialogProps & { readonly source: Source }) {
  const { api, notices } = useServices();
  const { pool, address } = source;
  const drain = async (isKept: boolean): Promise<void> => {
    await api.client.DELETE('/api/v1/sources/{pool}/addresses/{ip}', {
      params: { path: { pool, ip: address }, query: { keep: isKept } },
    });
    notices.done(`${address} is being drained.`);
    onDone();
  };
  return (
    <ChangeDialog title={`Drain ${address}?`} action="Drain" isDangerous onConfirm={drain} onClose={onClose}>
      <p>
        No new connection leaves from it. Once the last one has ended, pool {pool} lets it go
        {source.claim ? ` and it is removed from ${source.interface}` : ''}.
      </p>
    </ChangeDialog>
  );
}
