import { parseArgs } from 'node:util';
import { suggest } from '../config/suggest.ts';
import { FlagError } from './flag-error.ts';
import type { SetupCommandFlags } from './setup-command.ts';
import { readVersion } from './version.ts';

const FINE = 0;
const FAILED = 1;
const USAGE = 2;

const HELP = `Usage: portico COMMAND [options]

Commands:
  run [-c FILE]     run the balancer until SIGTERM or Ctrl-C, which drain it;
                    without -c: ./portico.yaml if it is there, else a built-in example
  stop [-c FILE]    stop a running Portico as SIGTERM does, and wait until it has;
                    with --flush the rules of the kernel engine and claimed
                    addresses go, too, also when it is not running any more
  upgrade [-c FILE] replace a running Portico by what is installed now, without a lost
                    connection, and wait until the new one serves
  validate FILE     check a config file; prints every fault with line and column
  export FORMAT [-c FILE]
                    configuration that runs without Portico: haproxy or nftables
  import FILE       print the portico.yaml that an haproxy.cfg means, and on
                    standard error each line that is not in it
  ports [-c FILE]   how full the source ports of a running Portico are, and when
                    they run out; FILE says where it runs, as for run
  status [-c FILE]  how a running Portico stands: listeners, servers, processes
  top [-c FILE]     what happens there, each second, until Ctrl-C
  token NAME        make a token for the admin server and print it, this once;
                    --remove takes one back, --list names them
  check [-c FILE]   whether this machine can hold many connections, and what stops
                    it first; changes nothing
  setup             the walk-through: asks, shows, changes, writes portico.yaml
  apply             change what check found; undo puts it back
  undo              put back what apply and setup changed

Options:
  -c, --config FILE the config file
      --flush       remove what is meant to outlive Portico (stop)
      --json        print JSON (validate, ports, status, top, check, apply,
                    undo)
      --source A    only ports of this source address (ports)
      --destination D
                    only ports towards this address:port (ports)
      --watch       again every two seconds until Ctrl-C (ports)
      --ascii       draw without Unicode (ports, check)
      --read-only   a token that may look and not change (token)
      --for N       connections at once to be ready for; 200k (check, apply, setup)
      --only ID     only this setting; may be repeated (apply, undo, setup)
      --yes         ask nothing (apply, undo, setup)
      --dry-run     show what would be done (apply, undo, setup)
      --root DIR    a scratch folder instead of / (check, apply, undo, setup)
      --engine E    http, tcp, kernel or haproxy, which is installed if it is not
                    there (setup)
      --listen A    where clients connect to (setup)
      --servers A   address:port of the servers, or workers (setup)
      --sources A   addresses to connect from; with --claim IFACE they are added
                    to that interface (setup)
      --unit        write a systemd service, portico.service, too (setup)
      --output FILE the config to write; portico.yaml (setup)
  -h, --help        this text
      --version     the version

PORTICO_TOKEN in the environment is the token for a running Portico that asks for one, PORTICO_CLIENT_CERT and PORTICO_CLIENT_KEY
are the files of the certificate for one that asks for that.
Exit status: 0 fine, 1 findings or failure, 2 wrong usage.
`;

const COMMANDS = 'run stop upgrade validate export import ports status top token check setup apply undo'.split(' ');

/** Runs one command line; resolves with the exit status. */
export async function runCommand(args: readonly string[]): Promise<number> {
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse(args);
  } catch (error) {
    return usage((error as Error).message);
  }
  const { values, positionals } = parsed;
  if (values.help === true) {
    process.stdout.write(HELP);
    return FINE;
  }
  if (values.version === true) {
    process.stdout.write(`${readVersion()}\n`);
    return FINE;
  }
  const [command, ...rest] = positionals;
  switch (command) {
    case 'run':
      if (rest.length > 0) return usage(`run takes no "${rest[0]}"; give the file with -c`);
      return (await import('./run-command.ts')).run(values.config);
    case 'stop':
      return rest.length === 0 ? stop(values) : usage(`stop takes no "${rest[0]}"; give the file with -c`);
    case 'upgrade':
      return rest.length === 0 ? upgrade(values) : usage(`upgrade takes no "${rest[0]}"; give the file with -c`);
    case 'validate': {
      const file = rest[0] ?? values.config;
      return file === undefined || rest.length > 1
        ? usage('validate takes one file')
        : validate(file, values.json === true);
    }
    case 'export':
      return rest.length === 1 ? exportAs(rest[0]!, values.config) : usage('export takes one of haproxy and nftables');
    case 'import':
      return rest.length === 1 ? importFrom(rest[0]!) : usage('import takes one file, an haproxy.cfg');
    case 'ports':
      return rest.length === 0 ? ports(values) : usage(`ports takes no "${rest[0]}"; give the file with -c`);
    case 'status':
    case 'top':
      return rest.length === 0
        ? show(command, values)
        : usage(`${command} takes no "${rest[0]}"; give the file with -c`);
    case 'token':
      return rest.length <= 1 ? token(rest[0], values) : usage(`token takes one name`);
    case 'check':
    case 'setup':
    case 'apply':
    case 'undo':
      return rest.length === 0 ? system(command, values) : usage(`${command} takes no "${rest[0]}"`);
    case undefined:
      return usage('no command given');
    default: {
      const meant = suggest(command, COMMANDS);
      return usage(`there is no command "${command}"${meant === undefined ? '' : `; did you mean "${meant}"?`}`);
    }
  }
}

function parse(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      config: { type: 'string', short: 'c' },
      flush: { type: 'boolean' },
      json: { type: 'boolean' },
      source: { type: 'string' },
      destination: { type: 'string' },
      watch: { type: 'boolean' },
      ascii: { type: 'boolean' },
      'read-only': { type: 'boolean' },
      remove: { type: 'boolean' },
      list: { type: 'boolean' },
      for: { type: 'string' },
      only: { type: 'string', multiple: true },
      yes: { type: 'boolean', short: 'y' },
      'dry-run': { type: 'boolean' },
      root: { type: 'string' },
      engine: { type: 'string' },
      listen: { type: 'string' },
      servers: { type: 'string', multiple: true },
      sources: { type: 'string', multiple: true },
      claim: { type: 'string' },
      unit: { type: 'boolean' },
      output: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
      version: { type: 'boolean' },
    },
  });
}

function usage(message: string): number {
  process.stderr.write(`portico: ${message}\n\n${HELP}`);
  return USAGE;
}

function fail(message: string): number {
  process.stderr.write(`portico: ${message}\n`);
  return FAILED;
}

// What a command needs is loaded with it: most of the time that `check` takes would go into loading the others.

async function validate(file: string, asJson: boolean): Promise<number> {
  const [{ formatFault }, { loadConfigFile }] = await Promise.all([
    import('../config/fault.ts'),
    import('./load-config-file.ts'),
  ]);
  try {
    const result = loadConfigFile(file);
    const faults = result.ok ? [] : result.faults;
    const warnings = result.ok ? result.warnings : [];
    if (asJson) {
      process.stdout.write(`${JSON.stringify({ ok: result.ok, faults, warnings })}\n`);
    } else {
      for (const warning of warnings) process.stdout.write(`warning: ${formatFault(warning)}\n`);
      process.stdout.write(result.ok ? `${file} is valid\n` : `${faults.map(formatFault).join('\n')}\n`);
    }
    return result.ok ? FINE : FAILED;
  } catch (error) {
    return fail((error as Error).message);
  }
}

async function stop({ config, flush }: ReturnType<typeof parse>['values']): Promise<number> {
  const [{ explainError, loadCommandConfig }, command] = await Promise.all([
    import('./command-config.ts'),
    import('./stop-command.ts'),
  ]);
  try {
    const print = (line: string): void => void process.stdout.write(`${line}\n`);
    await command.stop(loadCommandConfig(config).config, { isFlushing: flush === true, print });
    return FINE;
  } catch (error) {
    process.stderr.write(`${explainError(error)}\n`);
    return FAILED;
  }
}

async function upgrade({ config }: ReturnType<typeof parse>['values']): Promise<number> {
  const [{ explainError, loadCommandConfig }, { credentialsOf }, command] = await Promise.all([
    import('./command-config.ts'),
    import('./admin-credentials.ts'),
    import('./upgrade-command.ts'),
  ]);
  try {
    const print = (line: string): void => void process.stdout.write(`${line}\n`);
    const deps = { credentials: credentialsOf(process.env), print };
    await command.upgrade(deps, loadCommandConfig(config).config.admin);
    return FINE;
  } catch (error) {
    process.stderr.write(`${explainError(error)}\n`);
    return FAILED;
  }
}

async function exportAs(format: string, file: string | undefined): Promise<number> {
  const [{ commandConfigPath, explainError, loadCommandConfig }, { EXPORTS, exportConfig }] = await Promise.all([
    import('./command-config.ts'),
    import('./export-command.ts'),
  ]);
  const known = EXPORTS.find((each) => each === format);
  if (known === undefined) return usage(`export knows haproxy and nftables, not "${format}"`);
  try {
    const path = commandConfigPath(file);
    process.stdout.write(exportConfig(known, loadCommandConfig(path).config, path));
    return FINE;
  } catch (error) {
    return fail(explainError(error).replace(/^portico: /, ''));
  }
}

async function importFrom(file: string): Promise<number> {
  const { importFile } = await import('./import-command.ts');
  try {
    return importFile(file, { out: process.stdout, err: process.stderr });
  } catch (error) {
    return fail((error as Error).message);
  }
}

async function ports(values: ReturnType<typeof parse>['values']): Promise<number> {
  const [{ systemClock }, { explainError, loadCommandConfig }, { showPorts }] = await Promise.all([
    import('../lb/clock.ts'),
    import('./command-config.ts'),
    import('./ports-command.ts'),
  ]);
  const { source, destination } = values;
  const stopped = new AbortController();
  const stop = (): void => stopped.abort();
  process.on('SIGINT', stop).on('SIGTERM', stop);
  try {
    await showPorts(
      { clock: systemClock, out: process.stdout, env: process.env },
      loadCommandConfig(values.config).config.admin,
      {
        source,
        destination,
        isJson: values.json === true,
        isAscii: values.ascii === true,
        isWatching: values.watch === true,
        signal: stopped.signal,
      },
    );
    return FINE;
  } catch (error) {
    process.stderr.write(`${explainError(error)}\n`);
    return FAILED;
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop);
  }
}

async function show(command: 'status' | 'top', values: ReturnType<typeof parse>['values']): Promise<number> {
  const [{ explainError, loadCommandConfig }, { showStatus, showTop }] = await Promise.all([
    import('./command-config.ts'),
    import('./status-command.ts'),
  ]);
  const stopped = new AbortController();
  const stop = (): void => stopped.abort();
  process.on('SIGINT', stop).on('SIGTERM', stop);
  const deps = { out: process.stdout, env: process.env };
  const isJson = values.json === true;
  try {
    const { admin } = loadCommandConfig(values.config).config;
    if (command === 'status') await showStatus(deps, admin, isJson);
    else await showTop(deps, admin, { isJson, signal: stopped.signal });
    return FINE;
  } catch (error) {
    process.stderr.write(`${explainError(error)}\n`);
    return FAILED;
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop);
  }
}

async function token(name: string | undefined, values: ReturnType<typeof parse>['values']): Promise<number> {
  const [{ explainError, loadCommandConfig }, { changeTokens }] = await Promise.all([
    import('./command-config.ts'),
    import('./token-command.ts'),
  ]);
  try {
    await changeTokens({ out: process.stdout, err: process.stderr }, loadCommandConfig(values.config).config.admin, {
      name,
      isReadOnly: values['read-only'] === true,
      isRemoving: values.remove === true,
      isListing: values.list === true,
    });
    return FINE;
  } catch (error) {
    if (error instanceof FlagError) return usage(error.message);
    return fail(explainError(error).replace(/^portico: /, ''));
  }
}

async function system(command: 'check' | 'setup' | 'apply' | 'undo', flags: SetupCommandFlags): Promise<number> {
  const commands = await import('./system-commands.ts');
  try {
    if (command === 'setup') return await (await import('./setup-command.ts')).setup(flags);
    return await commands[command](flags);
  } catch (error) {
    if (error instanceof FlagError) return usage(error.message);
    const { explainError } = await import('./command-config.ts');
    return fail(explainError(error).replace(/^portico: /, ''));
  }
}
