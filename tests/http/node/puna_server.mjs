// A real `puna serve` on a free loopback port, for tests.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { once } from 'node:events';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const kRoot = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../..');
const kBinary = path.resolve(kRoot, process.env.PUNA_BINARY ?? 'build/release/bin/puna');
// Sanitizers make everything slower; waits get longer, and expectations stay.
export const kPatience = process.env.PUNA_SLOW === '1' ? 10 : 1;

// For what an idle machine does in a moment and a busy one some time. An answer of 4000 steps of 20 ms takes longer.
const kSoonMs = 30_000 * kPatience;
export const kEndlessTokens = 4000;
export const kEndlessStep = ['--fake-step-microseconds', '20000'];

export async function waitUntil(condition, what) {
  const deadline = Date.now() + kSoonMs;
  while (!await condition()) {
    if (Date.now() > deadline) throw new Error(`not within ${kSoonMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Resolves when the server is ready; close() ends it by closing its standard input. */
export async function startServer(flags) {
  const child = spawn(kBinary, ['serve', '--backend', 'fake', '--port', '0', '--watch-stdin', ...flags],
    { stdio: ['pipe', 'pipe', 'ignore'] });
  const exited = once(child, 'exit');
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const first = (await lines.next()).value ?? '';
  const url = first.replace(/^listening on /, '');
  if (!url.startsWith('http://') || (await lines.next()).value !== 'ready') {
    child.kill();
    throw new Error(`the server did not start: ${first}`);
  }
  return {
    url,
    async close() {
      child.stdin.end();
      const [code] = await exited;
      if (code !== 0) throw new Error(`the server ended with ${code}`);
    },
  };
}
