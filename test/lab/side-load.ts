import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseWrk } from '../bench/load/wrk.ts';
import { type LabListener, listenerOf } from './lab-listener.ts';
import { pathOf } from './question.ts';

/** A run of a load generator: how many requests, and how many of them, or of its connections, were not answered as they should be. */
export interface Slice {
  readonly listener: LabListener['name'];
  readonly tool: string;
  readonly fromMs: number;
  readonly untilMs: number;
  readonly requests: number;
  readonly errors: number;
}

interface Tool {
  readonly name: string;
  readonly listener: LabListener;
  readonly arguments: (url: string, directory: string) => readonly string[];
  /** Throws where it says nothing of requests that were answered. */
  readonly parse: (text: string) => Pick<Slice, 'requests' | 'errors'>;
}

const SECONDS = 5;
/** A request that is sent again because its link is down, or its server stopped, takes its time. */
const TIMEOUT_SECONDS = 10;
const PAUSE_MS = 40;
const PER_SECOND = 20;

/** Programs of others, each with a listener of its own; none of them sends a request again. */
const TOOLS: readonly Tool[] = [
  {
    name: 'wrk',
    listener: listenerOf('web'),
    arguments: (url, directory) => {
      const script = join(directory, 'wrk.lua');
      writeFileSync(script, `function delay() return ${PAUSE_MS} end\n`);
      return ['-t1', '-c4', `-d${SECONDS}s`, `--timeout`, `${TIMEOUT_SECONDS}s`, '-s', script, url];
    },
    parse: (text) => {
      const { requests, badStatuses, socketErrors } = parseWrk(text);
      return { requests, errors: badStatuses + socketErrors };
    },
  },
  {
    name: 'h2load',
    listener: listenerOf('haproxy'),
    arguments: (url) => ['--h1', '-c2', `--rps=${PER_SECOND}`, `-D${SECONDS}`, url],
    parse: parseH2load,
  },
];

/** Reads what h2load prints of a run with a time limit. Throws when no request was answered. */
export function parseH2load(text: string): Pick<Slice, 'requests' | 'errors'> {
  const counts = /(\d+) done, (\d+) succeeded, \d+ failed, (\d+) errored, (\d+) timeout/.exec(text);
  const [done, succeeded, errored, late] = (counts?.slice(1) ?? []).map(Number) as [number, number, number, number];
  if (counts === null || done === 0) throw new Error(`h2load got no answer: ${text}`);
  return { requests: done, errors: done - succeeded + errored + late };
}

/** Load generators that ask Portico all the time, a few seconds each, so that what they count can be laid beside what befell it then. */
export class SideLoad {
  readonly slices: Slice[] = [];
  private readonly now: () => number;
  private readonly directory: string;
  private readonly running = new Map<Tool, ChildProcess>();
  private readonly loops: readonly Promise<void>[];
  private isOver = false;

  /** `now`: as of the disturbances. Starts at once. */
  constructor(deps: { readonly now: () => number }, options: { readonly directory: string }) {
    this.now = deps.now;
    this.directory = options.directory;
    this.loops = TOOLS.map((tool) => this.repeat(tool));
  }

  private async repeat(tool: Tool): Promise<void> {
    const { listener, name } = tool;
    const url = `http://${listener.host}:${listener.port}${pathOf('servers')}${name}-0/500`;
    while (!this.isOver) {
      const fromMs = this.now();
      const child = spawn(name, tool.arguments(url, this.directory), { stdio: ['ignore', 'pipe', 'ignore'] });
      this.running.set(tool, child);
      let text = '';
      child.stdout.on('data', (data) => {
        text += data;
      });
      await once(child, 'close');
      this.slices.push({ tool: name, listener: listener.name, fromMs, untilMs: this.now(), ...counted(tool, text) });
    }
    this.running.delete(tool);
  }

  get pids(): readonly number[] {
    return [...this.running.values()].flatMap(({ pid }) => (pid === undefined ? [] : [pid]));
  }

  /** Resolves when the last run is over. Rejects where a program is not there. */
  async stop(): Promise<void> {
    this.isOver = true;
    await Promise.all(this.loops);
  }

  end(): void {
    this.isOver = true;
    for (const child of this.running.values()) child.kill('SIGKILL');
  }
}

/** A run without any answer is one error. */
function counted(tool: Tool, text: string): Pick<Slice, 'requests' | 'errors'> {
  try {
    return tool.parse(text);
  } catch {
    return { requests: 0, errors: 1 };
  }
}
