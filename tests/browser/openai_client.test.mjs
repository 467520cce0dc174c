// OpenAI's JavaScript client in Chromium, in a page of another origin than the server's: with
// --allowed-origins it works, and without the browser keeps the answer from it.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { dirname, join, normalize } from 'node:path';
import { after, before, test } from 'node:test';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';
import { startServer } from './server.mjs';

setTimeout(() => { console.error('the browser tests hang'); process.exit(1); }, 300_000).unref();
const client = dirname(createRequire(new URL('../http/node/', import.meta.url)).resolve('openai'));

let browser, page, shop, origin;
before(async () => {
  shop = createServer(async (request, response) => {
    const path = normalize(new URL(request.url, 'http://a').pathname);
    if (path === '/') return response.setHeader('Content-Type', 'text/html').end('<!doctype html><title>Shop</title>');
    try {
      response.setHeader('Content-Type', 'text/javascript').end(await readFile(join(client, path)));
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise((resolve) => shop.listen(0, '127.0.0.1', resolve));
  origin = `http://localhost:${shop.address().port}`;
  browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
  page = await browser.newPage();
  await page.goto(origin);
});
after(async () => {
  await browser.close();
  shop.close();
});

/** What the client in the page gets: a streamed and a whole answer, or the name of its error. */
function askFromPage(server) {
  return page.evaluate(async (url) => {
    const { OpenAI } = await import('/index.mjs');
    const openai = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'none', dangerouslyAllowBrowser: true, maxRetries: 0 });
    const question = { model: 'fake', messages: [{ role: 'user', content: 'hi' }], max_tokens: 8, seed: 1, temperature: 0 };
    try {
      let streamed = '';
      for await (const chunk of await openai.chat.completions.create({ ...question, stream: true })) {
        streamed += chunk.choices[0]?.delta?.content ?? '';
      }
      const whole = await openai.chat.completions.create(question);
      return { streamed, whole: whole.choices[0].message.content };
    } catch (error) {
      return { error: error.constructor.name };
    }
  }, server.url);
}

test('a page of an allowed origin gets answers', async () => {
  const server = await startServer('--backend', 'fake', '--allowed-origins', origin);
  const answers = await askFromPage(server);
  assert.ok(answers.streamed, JSON.stringify(answers));
  assert.equal(answers.streamed, answers.whole);
  await server.stop();
});

test('a page of another origin gets none', async () => {
  const server = await startServer('--backend', 'fake');
  assert.equal((await askFromPage(server)).error, 'APIConnectionError');
  await server.stop();
});
