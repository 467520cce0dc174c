// A page in Debian's Chromium, what is on it, and answers that a test makes up.
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, before } from 'node:test';
import { chromium } from 'playwright-core';
import { screenshots } from './server.mjs';

// For what an idle machine does in a moment and a busy one some time.
export const kPatienceMs = 60_000;
// A test that hangs must not hang the run: servers would wait for it for ever.
setTimeout(() => { console.error('the browser tests hang'); process.exit(1); }, 900_000).unref();
const kAxe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
export const kPhone = { width: 390, height: 844 };

let browser;

/** Called once in every file of tests; `more` are arguments of Chromium. */
export function useBrowser(...more) {
  before(async () => {
    mkdirSync(screenshots, { recursive: true });
    browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', ...more] });
  });
  after(() => browser.close());
}

/** A browser of its own, with empty storage. */
export async function openContext(options = {}) {
  const context = await browser.newContext({ viewport: { width: 1100, height: 800 }, locale: 'en-US', ...options });
  context.setDefaultTimeout(kPatienceMs);
  return context;
}

/** Script errors, CSP violations and foreign requests, which no test may cause. */
export function watch(page, server) {
  const problems = [];
  page.on('pageerror', (error) => problems.push(`script: ${error.message}`));
  page.on('console', (message) => {
    if (/Content Security Policy|Trusted Type/i.test(message.text())) problems.push(message.text());
  });
  page.on('request', (request) => {
    if (!request.url().startsWith(server.url) && !/^(data|blob):/.test(request.url())) {
      problems.push(`request to ${request.url()}`);
    }
  });
  return problems;
}

export async function openPage(server, options = {}) {
  const context = await openContext(options);
  const page = await context.newPage();
  const problems = watch(page, server);
  await page.goto(server.url);
  await page.locator('#empty-title').waitFor();
  return { page, context, problems, close: () => context.close() };
}

export const message = (page) => page.locator('#message');
export const answers = (page) => page.getByRole('article', { name: 'Assistant' });
export const questions = (page) => page.getByRole('article', { name: 'You' });
export const button = (page, name) => page.getByRole('button', { name, exact: true });
export const finished = (page, count = 1) => page.locator('.stats').nth(count - 1).waitFor();

/** While a dialog is open the rest of the page takes no keys. */
export const noDialog = (page) => page.getByRole('dialog').waitFor({ state: 'hidden' });

export async function ask(page, text) {
  await message(page).fill(text);
  await message(page).press('Enter');
}

/** What stands in the conversation, in order: "q: …" and "a: …". */
export async function said(page) {
  const all = await page.locator('.bubble p, .prose').evaluateAll((found) => found.map((one) =>
    `${one.classList.contains('prose') ? 'a' : 'q'}: ${one.textContent.trim()}`));
  return all.filter((text) => text !== 'a: ');
}

/** Waits until the conversation is this. */
export async function saidBecomes(page, expected) {
  await page.waitForFunction((wanted) => {
    const all = [...document.querySelectorAll('.bubble p, .prose')].map((one) =>
      `${one.classList.contains('prose') ? 'a' : 'q'}: ${one.textContent.trim()}`);
    return JSON.stringify(all.filter((text) => text !== 'a: ')) === JSON.stringify(wanted);
  }, expected).catch(async () => {
    throw new Error(`the page has ${JSON.stringify(await said(page))}, not ${JSON.stringify(expected)}`);
  });
}

export async function seriousViolations(page) {
  await page.evaluate(kAxe);
  const { violations } = await page.evaluate(() => window.axe.run());
  return violations.filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target).join(', ')}`);
}

export const shoot = (page, name) => page.screenshot({ path: `${screenshots}/${name}.png` });

function streamOf(text, done) {
  const event = (data) => `data: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`;
  const chunk = (delta, finish_reason = null) => event({ choices: [{ index: 0, delta, finish_reason }] });
  return chunk({ content: text }) + (done ? chunk({}, 'stop') +
    event({ choices: [], usage: { prompt_tokens: 9, completion_tokens: 7 } }) + event('[DONE]') : '');
}

/**
 * The server's answers are these, one for each question, and the last for all that follow: a text, {cut:
 * text}, a refusal(), 'offline', or 'never'. Gives the bodies of the requests.
 */
export async function answerWith(page, ...replies) {
  const bodies = [];
  const contentType = 'text/event-stream; charset=utf-8';
  await page.unroute('**/v1/chat/completions');
  await page.route('**/v1/chat/completions', (route) => {
    const reply = replies[Math.min(bodies.length, replies.length - 1)];
    bodies.push(route.request().postDataJSON());
    if (reply === 'offline') return route.abort('connectionrefused');
    if (reply === 'never') return undefined;
    if (typeof reply === 'string') return route.fulfill({ contentType, body: streamOf(reply, true) });
    if (reply.cut !== undefined) return route.fulfill({ contentType, body: streamOf(reply.cut, false) });
    return route.fulfill(reply);
  });
  return bodies;
}

export const refusal = (status, code, text, headers = {}) => ({
  status, headers, contentType: 'application/json',
  body: JSON.stringify({ error: { message: text, type: 'x', param: null, code } }),
});
