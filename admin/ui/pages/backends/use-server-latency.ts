import { useMemo, useRef } from 'preact/hooks';
import type { Backend } from '../../api/answers.ts';

interface Answered {
  readonly total: number;
  readonly seconds: number;
}

/** How long each server took to begin its answers since the look before; null where none came. */
export function useServerLatency(
  backends: readonly Backend[] | undefined,
): (backend: string, server: string) => number | null {
  const before = useRef(new Map<string, Answered>());
  const latencies = useMemo(() => {
    const now = new Map<string, Answered>();
    const found = new Map<string, number>();
    for (const { name, servers } of backends ?? []) {
      for (const { id, answers_total: total, answer_seconds_total: seconds } of servers) {
        const key = `${name} ${id}`;
        now.set(key, { total, seconds });
        const last = before.current.get(key);
        // Less than before: a plane is gone with what it had counted.
        if (last !== undefined && total > last.total) found.set(key, (seconds - last.seconds) / (total - last.total));
      }
    }
    before.current = now;
    return found;
  }, [backends]);
  return (backend, server) => latencies.get(`${backend} ${server}`) ?? null;
}
