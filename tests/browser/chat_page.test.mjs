// The chat page in Debian's Chromium against the real binary: the demo's base model for a real answer,
// the fake backend (slow on purpose) for what happens in the middle of one.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  answers, ask, finished, kPatienceMs, kPhone, noDialog, openContext, openPage, seriousViolations, useBrowser,
} from './page.mjs';
import { demoModel, screenshots, startServer } from './server.mjs';

useBrowser();

describe('with a real model', () => {
  let server;
  // Greedy, or an answer may go on for as long as the model's context allows.
  before(async () => {
    // bf16: eight-bit activations may turn the first word of a close answer.
    server = await startServer(demoModel, '--weights', 'bf16', '--override-generation-config', '{"temperature": 0}');
  });
  after(() => server.stop());

  test('a question is typed and the answer streams', async () => {
    const { page, problems, close } = await openPage(server);
    await page.screenshot({ path: `${screenshots}/empty.png` });
    await page.getByRole('button', { name: 'Settings' }).click();
    await page.getByLabel('Temperature').first().fill('0');
    await page.getByLabel('Longest answer (tokens)').fill('64');
    await page.screenshot({ path: `${screenshots}/settings.png` });
    await page.getByRole('button', { name: 'Close settings' }).click();
    await noDialog(page);
    await ask(page, 'What is the capital of France?');
    await finished(page);
    assert.match(await answers(page).innerText(), /Paris/);
    assert.match(await answers(page).innerText(), /first token/);
    await page.screenshot({ path: `${screenshots}/answer.png` });
    assert.deepEqual(problems, []);
    await close();
  });

  test('a second question knows the first', async () => {
    const { page, close } = await openPage(server);
    const bodies = [];
    page.on('request', (request) => {
      if (request.url().endsWith('/v1/chat/completions')) bodies.push(request.postDataJSON());
    });
    await ask(page, 'My name is Ada. Say hello.');
    await finished(page);
    await ask(page, 'What is my name?');
    await finished(page, 2);
    assert.deepEqual(bodies[1].messages.map(({ role }) => role), ['user', 'assistant', 'user']);
    await close();
  });

  test('a reload keeps the conversation and the page goes on working', async () => {
    const { page, close } = await openPage(server);
    await ask(page, 'Say one word.');
    await finished(page);
    const before = await answers(page).first().locator('.prose').innerText();
    await page.reload();
    await answers(page).first().waitFor();
    assert.equal(await answers(page).first().locator('.prose').innerText(), before);
    await ask(page, 'And another one.');
    await finished(page, 2);
    await page.getByRole('button', { name: 'New chat' }).click();
    await page.getByRole('heading', { name: 'How can I help?' }).waitFor();
    await close();
  });
});

describe('in the middle of an answer that would go on for minutes', () => {
  let server;
  before(async () => {
    server = await startServer('--backend', 'fake', '--fake-endless', '--fake-step-microseconds', '30000');
  });
  after(() => server.stop());

  async function running() {
    const text = await (await fetch(`${server.url}/metrics`)).text();
    return Number(/^vllm:num_requests_running\S* (\S+)/m.exec(text)[1]);
  }

  test('stop ends the answer, on the server too', async () => {
    const { page, problems, close } = await openPage(server);
    await ask(page, 'Tell me a very long story');
    await page.getByRole('button', { name: 'Stop the answer' }).waitFor();
    await page.locator('.prose.streaming').waitFor();
    await page.screenshot({ path: `${screenshots}/streaming.png` });
    await page.getByRole('button', { name: 'Stop the answer' }).click();
    await page.getByText('stopped', { exact: true }).waitFor();
    for (const end = Date.now() + kPatienceMs; await running() > 0;) {
      assert.ok(Date.now() < end, 'the server goes on');
      await page.waitForTimeout(50);
    }
    assert.deepEqual(problems, []);
    await close();
  });

  test('the keyboard is enough', async () => {
    const { page, close } = await openPage(server);
    await page.keyboard.press('Tab');
    await page.getByRole('link', { name: 'Skip to the message box' }).press('Enter');
    await page.locator('#message:focus').waitFor();
    await page.keyboard.type('Hello');
    await page.keyboard.press('Shift+Enter');
    await page.keyboard.type('everybody');
    await page.keyboard.press('Enter');
    await page.locator('.prose.streaming').waitFor();
    await page.keyboard.press('Escape');
    await page.getByText('stopped', { exact: true }).waitFor();
    assert.equal(await page.getByRole('article', { name: 'You' }).locator('.bubble').innerText(), 'Hello\neverybody');
    await close();
  });
});

describe('with the fake backend', () => {
  let server;
  // Greedy, so that an answer is as long each time.
  before(async () => {
    server = await startServer('--backend', 'fake', '--fake-step-microseconds', '3000',
      '--override-generation-config', '{"temperature": 0}',
      '--page-title', 'Test shop', '--examples-file', 'tests/browser/examples.json');
  });
  after(() => server.stop());

  test('examples are offered and asked with one click', async () => {
    const { page, close } = await openPage(server);
    await page.getByRole('heading', { name: 'Test shop' }).waitFor();
    await page.getByRole('button', { name: 'Where is my order?' }).click();
    await page.getByRole('article', { name: 'You' }).getByText('Where is my order?').waitFor();
    await finished(page);
    await close();
  });

  for (const colorScheme of ['light', 'dark']) {
    test(`nothing hinders assistive technology (${colorScheme})`, async () => {
      const { page, close } = await openPage(server, { colorScheme });
      assert.deepEqual(await seriousViolations(page), []);
      await ask(page, 'Hello');
      await finished(page);
      assert.deepEqual(await seriousViolations(page), []);
      await page.screenshot({ path: `${screenshots}/fake-${colorScheme}.png` });
      await page.getByRole('button', { name: 'Settings' }).click();
      assert.deepEqual(await seriousViolations(page), []);
      await close();
    });
  }

  test('a phone shows it whole', async () => {
    const { page, close } = await openPage(server, { viewport: kPhone, hasTouch: true, isMobile: true });
    await ask(page, 'Hello');
    await finished(page);
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth));
    await page.screenshot({ path: `${screenshots}/phone.png` });
    await close();
  });
});

test('an error keeps the message, and retrying works', async (t) => {
  let server = await startServer('--backend', 'fake');
  t.after(() => server.stop());
  const { page, close } = await openPage(server);
  await server.stop();
  await ask(page, 'Is anybody there?');
  await page.getByText('The server cannot be reached', { exact: true }).waitFor();
  await page.screenshot({ path: `${screenshots}/error.png` });
  await page.getByRole('article', { name: 'You' }).getByText('Is anybody there?').waitFor();
  server = await startServer('--backend', 'fake', '--port', server.port);
  await page.getByRole('button', { name: /^Retry/ }).click();
  await finished(page);
  await close();
});

test('a server with a key asks for it', async (t) => {
  const server = await startServer('--backend', 'fake', '--api-key', 'secret');
  t.after(() => server.stop());
  const context = await openContext();
  const page = await context.newPage();
  await page.goto(server.url);
  await page.getByLabel('Key', { exact: true }).fill('secret');
  await page.getByRole('button', { name: 'Continue' }).click();
  await noDialog(page);
  await ask(page, 'Hello');
  await finished(page);
  await context.close();
});
