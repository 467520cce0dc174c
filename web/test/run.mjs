// Bundles every *.test.ts here for Node and runs them with node --test.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { alias } from '../bundle_alias.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const output = join(here, '..', 'node_modules', '.tests'); // where packages are found
const tests = readdirSync(here).filter((name) => name.endsWith('.test.ts'));

rmSync(output, { recursive: true, force: true });
mkdirSync(output, { recursive: true });
await build({
  entryPoints: tests.map((name) => join(here, name)),
  outdir: output,
  outExtension: { '.js': '.mjs' },
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: ['node18'],
  external: ['jsdom'],
  alias,
  jsx: 'automatic',
  jsxImportSource: 'preact',
  logLevel: 'warning',
});
const files = tests.map((name) => join(output, name.replace(/\.ts$/, '.mjs')));
const done = spawnSync(process.execPath, ['--test', ...files], {
  stdio: 'inherit',
});
process.exit(done.status ?? 1);
