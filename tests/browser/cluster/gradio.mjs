// A Gradio page as a process of its own on a free loopback port; it ends when the test ends it.
import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const python = process.env.PUNA_PYTHON ?? `${root}build/venv/cluster/bin/python`;
const kStartMs = 90_000;

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Starts the page against `service`; `variables` are further environment variables. */
export async function startGradio(service, variables = {}) {
  const port = await freePort();
  const child = spawn(python, ['-m', 'puna.gradio_app'], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: {
      ...process.env, SERVICE_NAME: service, PORT: String(port),
      PYTHONPATH: `${root}python:${root}tests/cluster`, ...variables,
    },
  });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const url = `http://127.0.0.1:${port}`;
  for (const deadline = Date.now() + kStartMs; ;) {
    if (child.exitCode !== null) throw new Error(`the Gradio page ended with ${child.exitCode}`);
    if (await fetch(url).then((reply) => reply.ok, () => false)) break;
    if (Date.now() > deadline) throw new Error('the Gradio page does not start');
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  return {
    url,
    async stop() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}
