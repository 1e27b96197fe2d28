import type { BackendName } from './oracle.ts';

/** One request of the load. All about it follows from its number, and so does its answer: nothing has to be remembered to check it. */
export interface Question {
  readonly id: string;
  readonly backend: BackendName;
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body: string;
}

const BIG_EVERY = 61;
const BIG_BYTES = 200_000;
const POST_EVERY = 7;
const WORKER_EVERY = 3;

/** To one of the backends; every third to workers, if they are among them. */
export function questionOf(client: number, number: number, backends: readonly BackendName[]): Question {
  const id = `${client}-${number}`;
  const backend = number % WORKER_EVERY === 0 && backends.includes('workers') ? 'workers' : 'servers';
  const isPost = number % POST_EVERY === 0;
  const bytes = number % BIG_EVERY === 0 ? BIG_BYTES : (number * 997) % 3000;
  return {
    id,
    backend,
    method: isPost ? 'POST' : 'GET',
    path: `${pathOf(backend)}${id}/${isPost ? 0 : bytes}`,
    body: isPost ? fill(id, bytes) : '',
  };
}

export const pathOf = (backend: BackendName): string => (backend === 'servers' ? '/s/' : '/w/');

/** What a server of that kind answers: its kind, the number, and as many bytes as were asked for, or that came. */
export function answerTo(backend: BackendName, path: string, body: string): string {
  const [, , id = '', bytes = '0'] = path.split('/');
  return `${backend} ${id} ${body === '' ? fill(id, Number(bytes)) : body} end`;
}

/** No two parts of it are alike, so that bytes that are missing or doubled show. */
function fill(id: string, bytes: number): string {
  if (bytes === 0) return '';
  const unit = `${id}:${'abcdefghijklmnopqrstuvwxyz'.slice(id.length % 20)}`;
  let text = '';
  for (let i = 0; text.length < bytes; i++) text += `${i.toString(36)}${unit}`;
  return text.slice(0, bytes);
}
