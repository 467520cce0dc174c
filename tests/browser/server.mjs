// The real binary on a free loopback port. It ends when the test that started it ends.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
export const binary = process.env.PUNA_BINARY ?? `${root}build/release/bin/puna`;
export const demoModel = `${root}build/models/SmolLM2-135M-Instruct.Q4_1.gguf`;
export const screenshots = `${root}build/screenshots`;

/** Starts `puna serve ARGUMENTS` and waits until it is ready. */
export async function startServer(...serveArguments) {
  const port = serveArguments.includes('--port') ? [] : ['--port', '0'];
  const child = spawn(binary, ['serve', ...serveArguments, ...port, '--watch-stdin', '--log-level', 'error'],
    { cwd: root, stdio: ['pipe', 'pipe', 'inherit'] });
  let output = '';
  const url = await new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the server ended with ${code}: ${output}`)));
    child.stdout.on('data', (text) => {
      output += text;
      const listening = /listening on (\S+)/.exec(output);
      if (listening && /^ready$/m.test(output)) resolve(listening[1]);
    });
  });
  child.removeAllListeners('exit');
  const ended = new Promise((resolve) => child.once('exit', resolve));
  return {
    url,
    port: new URL(url).port,
    async stop() {
      child.stdin.end();
      await ended;
    },
  };
}
