// The Gradio page in Debian's Chromium against the real binary with the fake backend: slow enough to see
// an answer grow, greedy so that the API itself says what the answer must be.
//     node --test tests/browser/cluster/gradio_page.mjs
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { chromium } from 'playwright-core';
import { screenshots, startServer } from '../server.mjs';
import { startGradio } from './gradio.mjs';

// For what an idle machine does in a moment and a busy one some time.
const kPatienceMs = 60_000;
// Answers end at max tokens, and never by themselves: with 2000 of them, later than any test looks.
const kServer = ['--backend', 'fake', '--fake-endless', '--fake-step-microseconds', '20000'];
setTimeout(() => { console.error('the Gradio tests hang'); process.exit(1); }, 900_000).unref();

let browser, server, gradio, plain;
before(async () => {
  mkdirSync(screenshots, { recursive: true });
  server = await startServer(...kServer);
  [browser, gradio, plain] = await Promise.all([
    chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] }),
    startGradio(server.url),
    startGradio(server.url, { MODEL_ENDPOINT: '/infer', PUNA_ANSWER_FILTER: 'answer_filter:loud' })]);
});
after(async () => {
  await browser?.close();
  await Promise.all([gradio?.stop(), plain?.stop()]);
  await server?.stop();
});

/** A page that fails the test on script errors and on requests to anywhere else. */
async function openPage(url) {
  const context = await browser.newContext({ viewport: { width: 1100, height: 900 }, locale: 'en-US' });
  context.setDefaultTimeout(kPatienceMs);
  const page = await context.newPage();
  const problems = [];
  page.on('pageerror', (error) => problems.push(`script: ${error.message}`));
  page.on('request', (request) => {
    if (!request.url().startsWith(url) && !/^(data|blob):/.test(request.url())) {
      problems.push(`request to ${request.url()}`);
    }
  });
  await page.goto(url);
  await box(page).waitFor({ timeout: kPatienceMs });
  return { page, problems, close: () => context.close() };
}

const box = (page) => page.locator('textarea').first();
const answers = (page) => page.getByTestId('bot');
const stopButton = (page) => page.locator('button.stop-button');
const words = (text) => text.replace(/\s+/g, ' ').trim();
const lastAnswer = async (page) => words((await answers(page).allInnerTexts()).at(-1) ?? '');

async function ask(page, text) {
  await box(page).fill(text);
  await box(page).press('Enter');
}

async function finished(page) {
  await page.locator('button.submit-button').waitFor({ timeout: kPatienceMs });
}

async function setSettings(page, { system = '', temperature = '0', maxTokens = '20' }) {
  await page.getByText('Settings', { exact: true }).click();
  await page.getByLabel('System prompt').fill(system);
  await page.getByLabel('number input for Temperature').fill(temperature);
  await page.getByLabel('number input for Max tokens').fill(maxTokens);
  await page.getByLabel('number input for Max tokens').press('Tab');
}

/** What the server itself answers, greedily. */
async function reply(messages) {
  const response = await fetch(`${server.url}/v1/chat/completions`, {
    method: 'POST', headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ messages, temperature: 0, max_tokens: 20 }),
  });
  return (await response.json()).choices[0].message.content;
}
const expected = async (messages) => words(await reply(messages));

/** The sum of a metric of the server over its labels. */
async function metric(name) {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  const lines = [...text.matchAll(new RegExp(`^${name}\\S* (\\S+)$`, 'gm'))];
  return lines.reduce((sum, line) => sum + Number(line[1]), 0);
}
const runningRequests = () => metric('vllm:num_requests_running');

async function eventually(condition, what, ms = kPatienceMs) {
  for (const deadline = Date.now() + ms; !(await condition());) {
    assert.ok(Date.now() < deadline, `not within ${ms} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

test('the page has the title, examples and placeholder of the seed', async () => {
  const { page, problems, close } = await openPage(gradio.url);
  await page.getByRole('heading', { name: 'Llama2/3 AI Chat' }).waitFor();
  await page.getByText('Ask me any question').waitFor();
  assert.equal(await box(page).getAttribute('placeholder'), 'Ask me a question');
  assert.equal(await page.getByRole('button', { name: 'How many languages are in India' }).count(), 1);
  await page.screenshot({ path: `${screenshots}/gradio-empty.png` });
  await page.getByRole('button', { name: 'What is Generative AI?' }).click();
  await eventually(async () => (await lastAnswer(page)).length > 0, 'the example is answered');
  assert.deepEqual(problems, []);
  await close();
});

test('an answer grows piece by piece', async () => {
  const { page, problems, close } = await openPage(gradio.url);
  await setSettings(page, { maxTokens: '2000' });
  await ask(page, 'a long story');
  const lengths = new Set();
  await eventually(async () => {
    lengths.add((await lastAnswer(page)).length);
    return lengths.size > 5;
  }, 'six lengths of one answer');
  await page.screenshot({ path: `${screenshots}/gradio-streaming.png` });
  assert.deepEqual(problems, []);
  await close();
});

test('history and system prompt reach the model', async () => {
  const { page, close } = await openPage(gradio.url);
  await setSettings(page, { system: 'You are brief.' });
  const system = { role: 'system', content: 'You are brief.' };
  const first = { role: 'user', content: 'first question' };
  await ask(page, first.content);
  const firstAnswer = await expected([system, first]);
  await eventually(async () => await lastAnswer(page) === firstAnswer, firstAnswer);
  await finished(page);
  await ask(page, 'second question');
  const raw = await reply([system, first]);
  const secondAnswer = await expected([system, first, { role: 'assistant', content: raw },
    { role: 'user', content: 'second question' }]);
  await eventually(async () => (await answers(page).count()) === 2 && await lastAnswer(page) === secondAnswer,
    secondAnswer);
  await close();
});

test('stop ends the answer at the engine and keeps what was written', async () => {
  const { page, close } = await openPage(gradio.url);
  await setSettings(page, { temperature: '1', maxTokens: '2000' });
  await ask(page, 'a long story');
  await stopButton(page).waitFor();
  await eventually(async () => await runningRequests() > 0, 'the engine works');
  await eventually(async () => (await lastAnswer(page)).length > 0, 'some text');
  await stopButton(page).click();
  await eventually(async () => await runningRequests() === 0, 'the engine is free');
  const kept = await lastAnswer(page);
  assert.ok(kept.length > 0);
  await finished(page);
  assert.equal(await lastAnswer(page), kept);
  await close();
});

test('retry, undo and clear', async () => {
  const { page, close } = await openPage(gradio.url);
  await setSettings(page, { temperature: '0' });
  await ask(page, 'say it again');
  const answer = await expected([{ role: 'user', content: 'say it again' }]);
  await eventually(async () => await lastAnswer(page) === answer, 'the answer');
  await finished(page);
  const before = await metric('vllm:request_success_total');
  await page.getByRole('button', { name: 'Retry' }).click();
  // The old answer is shown until the page has taken it away.
  await eventually(async () => await metric('vllm:request_success_total') > before, 'asked again');
  await eventually(async () => await answers(page).count() === 1 && await lastAnswer(page) === answer,
    'the same answer');
  await finished(page);
  await page.getByRole('button', { name: 'Undo' }).click();
  await eventually(async () => await answers(page).count() === 0, 'no answer is left');
  assert.equal(await box(page).inputValue(), 'say it again');
  await ask(page, 'say it again');
  await eventually(async () => await answers(page).count() === 1, 'an answer');
  await finished(page);
  await page.getByRole('button', { name: 'Clear' }).click();
  await eventually(async () => await answers(page).count() === 0, 'an empty conversation');
  await close();
});

test('a plain /infer backend answers without the prompt, and the filter changes what is shown', async () => {
  const { page, problems, close } = await openPage(plain.url);
  await setSettings(page, { maxTokens: '20' });
  await ask(page, 'hello');
  const direct = await (await fetch(
    `${server.url}/infer?sentence=hello&temperature=0&max_tokens=20&echo=false`)).json();
  const loud = words(direct[0].toUpperCase());
  await eventually(async () => await lastAnswer(page) === loud, loud);
  assert.deepEqual(problems, []);
  await close();
});

test('a server that is gone is said in words, and the conversation stays', async () => {
  const { page, close } = await openPage(gradio.url);
  await setSettings(page, { temperature: '0' });
  await ask(page, 'before');
  await eventually(async () => (await lastAnswer(page)).length > 0, 'an answer');
  await finished(page);
  const before = await lastAnswer(page);
  await server.stop();
  await ask(page, 'after');
  const error = page.getByText(/cannot be reached/);
  await error.waitFor({ timeout: kPatienceMs });
  await finished(page);
  assert.ok(await error.isVisible());
  await page.screenshot({ path: `${screenshots}/gradio-error.png` });
  assert.ok((await answers(page).allInnerTexts()).map(words).includes(before));

  // The error is no part of what the model is told next.
  server = await startServer(...kServer, '--port', server.port);
  await ask(page, 'again');
  const past = await reply([{ role: 'user', content: 'before' }]);
  const answer = await expected([{ role: 'user', content: 'before' }, { role: 'assistant', content: past },
    { role: 'user', content: 'again' }]);
  await eventually(async () => await lastAnswer(page) === answer, answer);
  await close();
});
