// Bundles the chat page into build/web: hashed assets, index.html, and the licences of what is inside.
//
// Fails when the JavaScript that the first view needs grows over its budget.
import { gzipSync } from 'node:zlib';
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { alias } from './bundle_alias.mjs';

const kInitialGzipBytesMax = 90 * 1024;
const kLazyGzipBytesMax = 40 * 1024;

const web = dirname(fileURLToPath(import.meta.url));
const output = join(web, '..', 'build', 'web');
const entries = ['main.tsx', 'theme_first.js', 'styles/main.css', 'icon.svg'];

rmSync(output, { recursive: true, force: true });
mkdirSync(output, { recursive: true });
const { metafile } = await build({
  absWorkingDir: web,
  entryPoints: entries.map((name) => `src/${name}`),
  outdir: output,
  entryNames: 'assets/[name]-[hash]',
  chunkNames: 'assets/[name]-[hash]',
  bundle: true,
  splitting: true,
  format: 'esm',
  target: ['es2022'],
  minify: true,
  legalComments: 'none', // licences.txt has them all
  jsx: 'automatic',
  jsxImportSource: 'preact',
  alias,
  loader: { '.svg': 'copy' },
  metafile: true,
  logLevel: 'warning',
});

/** Output path of the source file, relative to the page. */
function outputOf(source) {
  const found = Object.entries(metafile.outputs).find(([, { entryPoint, inputs }]) =>
    entryPoint === source || (!entryPoint && Object.keys(inputs)[0] === source));
  if (!found) throw new Error(`${source} is not in the bundle`);
  return `assets/${basename(found[0])}`;
}

function writePage() {
  const template = readFileSync(join(web, 'src/index.html'), 'utf8');
  const page = template.replace(/\{\{([\w.]+)\}\}/g, (_, name) =>
    outputOf(`src/${entries.find((entry) => basename(entry) === name)}`));
  writeFileSync(join(output, 'index.html'), page.replace(/\n\s+/g, '\n'));
}

/** The packages whose code is in the bundle, with their licence texts. */
function writeLicences() {
  const packages = new Set();
  for (const input of Object.keys(metafile.inputs)) {
    const name = /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1];
    if (name) packages.add(name);
  }
  const texts = [...packages].sort().map((name) => {
    const folder = join(web, 'node_modules', name);
    const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
    if (!file) throw new Error(`${name} has no licence file`);
    return `${name} ${version}\n\n${readFileSync(join(folder, file), 'utf8').trim()}\n`;
  });
  writeFileSync(join(output, 'licences.txt'), texts.join(`\n${'-'.repeat(80)}\n\n`));
}

function gzipBytes(file) {
  return gzipSync(readFileSync(file), { level: 9 }).length;
}

/** Sizes of what the first view loads and of what may come later; over the budget is an error. */
function checkBudget() {
  const initial = new Set();
  const visit = (file) => {
    if (initial.has(file)) return;
    initial.add(file);
    for (const { path, kind } of metafile.outputs[file].imports) {
      if (kind === 'import-statement') visit(path);
    }
  };
  const scripts = Object.keys(metafile.outputs).filter((file) => file.endsWith('.js'));
  scripts.filter((file) => metafile.outputs[file].entryPoint?.match(/main|theme/)).forEach(visit);
  const sum = (files) => files.reduce((total, file) => total + gzipBytes(join(web, file)), 0);
  const first = sum([...initial]);
  const later = sum(scripts.filter((file) => !initial.has(file)));
  const kib = (bytes) => `${(bytes / 1024).toFixed(1)} KiB`;
  console.log(`chat page: ${kib(first)} of JavaScript at first, ${kib(later)} on demand (gzip)`);
  if (first > kInitialGzipBytesMax || later > kLazyGzipBytesMax) {
    throw new Error(`over the budget of ${kib(kInitialGzipBytesMax)} + ${kib(kLazyGzipBytesMax)}`);
  }
}

writePage();
writeLicences();
checkBudget();
