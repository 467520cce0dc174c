// The page over a server that loads, goes, is busy, wants a key, is another one than before, or refuses.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  answerWith, ask, button, finished, message, noDialog, openContext, openPage, questions, refusal, seriousViolations,
  shoot, useBrowser, watch,
} from './page.mjs';
import { startServer } from './server.mjs';

useBrowser();

/** The fake backend, whose answers are quick and end; ended with the test. */
async function fakeServer(t, ...more) {
  const server = await startServer('--backend', 'fake', '--default-max-tokens', '8', ...more);
  t.after(() => server.stop());
  return server;
}

test('a question that is asked while the model loads waits, and has the system prompt', async (t) => {
  const server = await fakeServer(t, '--system-prompt-file', 'models/demo/system_prompt.txt', '--page-title', 'Pens');
  const context = await openContext();
  const page = await context.newPage();
  const loading = refusal(503, 'loading', 'the model is loading; try again', { 'Retry-After': '1' });
  let isLoading = true;
  await page.route('**/page-config.json', (route) => (isLoading ? route.fulfill(loading) : route.continue()));
  await page.goto(server.url);
  await page.getByRole('heading', { name: 'The model is loading' }).waitFor();
  assert.deepEqual(await seriousViolations(page), []);
  await shoot(page, 'loading');
  const asked = page.waitForRequest('**/v1/chat/completions');
  await ask(page, 'Where is my order?');
  await page.getByText('Your message is sent as soon as it is ready.').waitFor();
  await shoot(page, 'loading-asked');
  isLoading = false;
  const { messages } = (await asked).postDataJSON();
  assert.deepEqual(messages.map(({ role }) => role), ['system', 'user']);
  assert.match(messages[0].content, /Quillfern/);
  await finished(page);
  await page.getByRole('heading', { name: 'Pens' }).waitFor();
  assert.equal(await page.title(), 'Where is my order? · Pens');
  await context.close();
});

test('a wrong key is told, and the right one may be kept on the device', async (t) => {
  const server = await fakeServer(t, '--api-key', 'secret');
  const context = await openContext();
  const page = await context.newPage();
  await page.goto(server.url);
  const field = page.getByLabel('Key', { exact: true });
  await field.fill('wrong');
  await field.press('Enter');
  await page.getByRole('alert').getByText('This key was not accepted.').waitFor();
  assert.equal(await field.getAttribute('aria-invalid'), 'true');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'key');
  assert.deepEqual(await seriousViolations(page), []);
  await shoot(page, 'key-refused');
  await page.keyboard.type('secret'); // what was wrong is selected
  await page.getByLabel('Keep the key on this device, not only in this tab').check();
  await button(page, 'Continue').click();
  await noDialog(page);
  const other = await context.newPage();
  await other.goto(server.url);
  await ask(other, 'Hello');
  await finished(other);
  await context.close();
});

test('a server that was restarted with another key asks for it in the middle of a conversation', async (t) => {
  let server = await startServer('--backend', 'fake', '--default-max-tokens', '8', '--api-key', 'one');
  t.after(() => server.stop());
  const context = await openContext();
  const page = await context.newPage();
  await page.goto(server.url);
  await page.getByLabel('Key', { exact: true }).fill('one');
  await button(page, 'Continue').click();
  await noDialog(page);
  await ask(page, 'first');
  await finished(page);
  await server.stop();
  server = await startServer('--backend', 'fake', '--default-max-tokens', '8', '--api-key', 'two', '--port', server.port);
  await ask(page, 'second');
  await page.getByRole('alert').getByText('This key was not accepted.').waitFor();
  await page.getByLabel('Key', { exact: true }).fill('two');
  await button(page, 'Continue').click();
  await noDialog(page);
  await finished(page, 2);
  assert.equal(await questions(page).count(), 2);
  await context.close();
});

test('a server that was restarted with another model answers the next question', async (t) => {
  let server = await startServer('--backend', 'fake', '--default-max-tokens', '8', '--served-model-name', 'old-fox');
  t.after(() => server.stop());
  const { page, close } = await openPage(server);
  await page.getByText('old-fox').waitFor();
  await ask(page, 'first');
  await finished(page);
  await server.stop();
  server = await startServer('--backend', 'fake', '--default-max-tokens', '8', '--served-model-name', 'new-fox',
    '--port', server.port);
  await ask(page, 'second');
  await finished(page, 2);
  await page.getByText('new-fox').waitFor();
  await close();
});

test('a busy server is waited for', async (t) => {
  const server = await startServer('--backend', 'fake', '--fake-endless', '--fake-step-microseconds', '30000',
    '--max-num-seqs', '1', '--max-num-queued-reqs', '0');
  t.after(() => server.stop());
  const first = await openPage(server);
  await ask(first.page, 'Go on and on');
  await first.page.locator('.prose.streaming').waitFor();
  const second = await openPage(server);
  await ask(second.page, 'And me?');
  await second.page.getByText('The server has no room right now', { exact: true }).waitFor();
  await second.page.getByText(/Retrying in/).waitFor();
  await shoot(second.page, 'busy');
  await button(first.page, 'Stop the answer').click();
  await second.page.locator('.prose.streaming').waitFor();
  await button(second.page, 'Stop the answer').click();
  await first.close();
  await second.close();
});

test('a refusal of the address is told in the server\'s words', async (t) => {
  const server = await fakeServer(t);
  const { page, close } = await openPage(server);
  const words = 'Host puna.example is not a name of this server; --allowed-origins http://puna.example would allow it';
  await answerWith(page, refusal(403, 'forbidden_origin', words));
  await ask(page, 'Hello');
  await page.getByText('The server does not answer pages at this address', { exact: true }).waitFor();
  await page.getByText(words).waitFor();
  assert.equal(await page.getByRole('dialog').count(), 0);
  assert.deepEqual(await seriousViolations(page), []);
  await shoot(page, 'forbidden');
  await close();
});

test('templates that want alternating roles get them, whatever failed before', async (t) => {
  const server = await fakeServer(t, '--chat-template', 'tests/browser/alternating.jinja');
  const { page, close } = await openPage(server);
  await answerWith(page, 'offline');
  await ask(page, 'one');
  await page.getByText('The server cannot be reached', { exact: true }).waitFor();
  await answerWith(page, 'never');
  await ask(page, 'two');
  await page.getByText('Reading your message').waitFor();
  await page.keyboard.press('Escape');
  await page.unroute('**/v1/chat/completions');
  await ask(page, 'three');
  await finished(page, 1);
  await ask(page, 'four');
  await finished(page, 2);
  assert.equal(await page.locator('.error-card').count(), 0);
  assert.equal(await page.getByText('Not answered. The model does not see this message.').count(), 2);
  await shoot(page, 'unanswered');
  await close();
});

test('a conversation that is full goes on in a new chat, and is kept', async (t) => {
  const server = await fakeServer(t, '--max-model-len', '256');
  const { page, close } = await openPage(server);
  await ask(page, 'x'.repeat(120));
  await finished(page);
  await ask(page, 'y'.repeat(120));
  await page.getByText('This conversation is too long for the model', { exact: true }).waitFor();
  await page.getByText(/maximum length is 256 tokens/).waitFor();
  assert.equal(await button(page, 'Retry').count(), 0);
  await shoot(page, 'too-long');
  await button(page, 'New chat with this question').click();
  await finished(page);
  assert.equal(await questions(page).count(), 1);
  await button(page, 'New chat').click();
  await button(page, 'Earlier conversations (2)').click();
  await page.getByText('xxxxx').click();
  assert.equal(await questions(page).count(), 2);
  await close();
});

test('a message that is too long by itself is to be edited', async (t) => {
  const server = await fakeServer(t, '--max-model-len', '256');
  const { page, close } = await openPage(server);
  await ask(page, 'word '.repeat(2000));
  await page.getByText('This message is too long for the model', { exact: true }).waitFor();
  assert.ok(await page.locator('.error-actions').isVisible());
  const card = await page.locator('.error-card').boundingBox();
  const composer = await page.locator('.composer').boundingBox();
  assert.ok(card.y >= 0 && card.y + card.height <= composer.y, 'the card is in sight');
  await page.locator('.error-actions').getByRole('button', { name: 'Edit message' }).click();
  assert.equal((await message(page).inputValue()).length, 10_000);
  await close();
});

test('a longest answer beyond the model is cut to what is left, and wrong numbers are named', async (t) => {
  const server = await startServer('--backend', 'fake', '--max-model-len', '256');
  t.after(() => server.stop());
  const { page, close } = await openPage(server);
  await button(page, 'Settings').click();
  const field = page.getByLabel('Longest answer (tokens)');
  for (const wrong of ['999999', '0']) {
    await field.fill(wrong);
    await page.getByRole('alert').getByText(/from 1 to 256/).waitFor();
    assert.equal(await field.inputValue(), wrong);
  }
  assert.deepEqual(await seriousViolations(page), []);
  await shoot(page, 'settings-wrong');
  await field.fill('256');
  assert.equal(await page.getByText('The server decides').count(), 0);
  await button(page, 'Close settings').click();
  await noDialog(page);
  await ask(page, 'hi');
  await finished(page);
  assert.equal(await page.locator('.error-card').count(), 0);
  await close();
});

test('each answer is announced when it starts and when it ends', async (t) => {
  const server = await fakeServer(t);
  const { page, problems, close } = await openPage(server);
  await page.evaluate(() => {
    window.announced = [];
    new MutationObserver(() => {
      const text = document.querySelector('.visually-hidden[role=status]').textContent;
      if (text && text !== window.announced.at(-1)) window.announced.push(text);
    }).observe(document.querySelector('.visually-hidden[role=status]'), { childList: true, characterData: true, subtree: true });
  });
  await ask(page, 'Hello');
  await finished(page);
  await page.waitForFunction(() => window.announced.length === 2);
  assert.deepEqual(await page.evaluate(() => window.announced), ['The answer is being written.', 'The answer is complete.']);
  assert.deepEqual(problems, []);
  await close();
});

test('the page speaks to its own server only, and is small', async (t) => {
  const server = await fakeServer(t, '--page-texts-file', 'tests/browser/page_texts.json');
  const context = await openContext({ locale: 'zh-CN' });
  const page = await context.newPage();
  const problems = watch(page, server);
  const network = await context.newCDPSession(page);
  await network.send('Network.enable');
  let bytes = 0;
  network.on('Network.loadingFinished', ({ encodedDataLength }) => { bytes += encodedDataLength; });
  await page.goto(server.url, { waitUntil: 'networkidle' });
  assert.ok(bytes > 20_000 && bytes <= 95_000, `${bytes} bytes`);
  t.diagnostic(`first load: ${bytes} bytes on the wire`);
  assert.equal(await page.title(), '测试商店');
  await page.getByRole('heading', { name: '您好，想了解什么？' }).waitFor();
  await page.getByRole('button', { name: '我的订单在哪里？' }).waitFor();
  assert.deepEqual(await seriousViolations(page), []);
  await shoot(page, 'zh-CN');
  await answerWith(page, '![x](https://elsewhere.invalid/x.png) <img src="https://elsewhere.invalid/y.png">');
  await ask(page, '你好');
  await finished(page);
  assert.equal(await page.locator('.prose img').count(), 0);
  assert.deepEqual(problems, []);
  await shoot(page, 'zh-CN-answer');
  await context.close();
});
