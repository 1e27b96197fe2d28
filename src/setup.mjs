// Runs before `npm start` and `npm test`: installs and builds what a fresh clone lacks, and nothing the second time.
// Plain JavaScript on Node's own modules, since nothing else is there yet.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const MINIMUM_NODE = 20;

function stop(message) {
  console.error(`portico: ${message}`);
  process.exit(1);
}

function run(command, args, failure) {
  // What is installed and built is not the user's question: quiet on success, everything on failure.
  const done = spawnSync(command, args, { cwd: root, encoding: 'utf8', shell: false });
  if (done.status !== 0) stop(`${failure}\n${done.stdout ?? ''}${done.stderr ?? ''}${done.error?.message ?? ''}`);
}

function bundle(config, failure) {
  const args = ['node_modules/vite/bin/vite.js', 'build', '--config', config, '--logLevel', 'warn'];
  run(process.execPath, args, failure);
}

const modified = (path) => (existsSync(join(root, path)) ? statSync(join(root, path)).mtimeMs : 0);

function newestSource(folder, isSource) {
  let newest = 0;
  for (const entry of readdirSync(join(root, folder), { recursive: true })) {
    if (isSource.test(entry)) newest = Math.max(newest, modified(join(folder, entry)));
  }
  return newest;
}

if (Number.parseInt(process.versions.node, 10) < MINIMUM_NODE) {
  stop(
    `Node ${process.versions.node} is too old; install Node ${MINIMUM_NODE} or later (https://nodejs.org) and try again.`,
  );
}
if (modified('package-lock.json') > modified('node_modules/.package-lock.json')) {
  console.error('portico: installing dependencies (once) …');
  run('npm', ['ci', '--no-audit', '--no-fund'], 'the dependencies could not be installed; npm says:');
}
const FOLDERS = ['config', 'lb', 'admin', 'src', 'test'];
const sources = Math.max(...FOLDERS.map((folder) => newestSource(folder, /\.ts$/)), modified('tsconfig.json'));
if (sources > modified('dist/.built')) {
  console.error('portico: building (once) …');
  // The compiler leaves behind what its sources no longer have, tests among it.
  rmSync(join(root, 'dist'), { recursive: true, force: true });
  run(process.execPath, ['node_modules/typescript/bin/tsc'], 'the build failed; the compiler says:');
  bundle('config/typebox.vite.mjs', 'TypeBox could not be joined into one file; the bundler says:');
  run('touch', ['dist/.built'], 'dist/ cannot be written:');
}
if (Math.max(newestSource('admin/ui', /\.\w+$/), modified('package-lock.json')) > modified('dist/.built-ui')) {
  console.error('portico: building the pages (once) …');
  // The names of assets say what is in them, so old ones would stay beside the new.
  rmSync(join(root, 'dist/admin/ui/assets'), { recursive: true, force: true });
  bundle('admin/ui/vite.config.mjs', 'the pages could not be built; the bundler says:');
  run('touch', ['dist/.built-ui'], 'dist/ cannot be written:');
}

// tap loads its plugins as it was built with, and rebuilds itself only after it has decided how to start the first run's
// files: built here, no test file pays for the loaders of plugins that package.json leaves out.
if (process.argv.includes('--tests') && modified('package.json') > modified('node_modules/.tap-built')) {
  console.error('portico: preparing the test runner (once) …');
  run(process.execPath, ['node_modules/tap/dist/esm/run.mjs', 'build'], 'the test runner could not be built; it says:');
  run('touch', ['node_modules/.tap-built'], 'node_modules/ cannot be written:');
}

// The TLS addon is shipped built; where there is a compiler, what runs is built here, from the source that is beside it.
const ADDON = 'lb/tls/native';
const headers = join(dirname(process.execPath), '..', 'include', 'node');
const parts = readdirSync(join(root, ADDON)).filter((name) => /\.(c|h|sh)$/.test(name));
const addonSources = Math.max(...parts.map((name) => modified(join(ADDON, name))));
if (addonSources > modified(join(ADDON, 'build/tls.node')) && existsSync(join(headers, 'openssl', 'ssl.h'))) {
  mkdirSync(join(root, ADDON, 'build'), { recursive: true });
  const made = join(ADDON, 'build', `${process.pid}.node`);
  const built = spawnSync(join(root, ADDON, 'build.sh'), [join(root, made), headers], { encoding: 'utf8' });
  // Renamed into its place, so that nobody loads half of it.
  if (built.status === 0) renameSync(join(root, made), join(root, ADDON, 'build/tls.node'));
}
