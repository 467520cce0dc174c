// Nothing that was typed or received is lost: retries, edits, reloads, two tabs, storage that does not work.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  answerWith, ask, button, finished, message, openContext, openPage, questions, said, saidBecomes,
  seriousViolations, shoot, useBrowser,
} from './page.mjs';
import { startServer } from './server.mjs';

useBrowser();

let server;
let endless;
before(async () => {
  server = await startServer('--backend', 'fake', '--default-max-tokens', '8', '--page-title', 'Test shop',
    '--examples-file', 'tests/browser/examples.json');
  endless = await startServer('--backend', 'fake', '--fake-endless', '--fake-step-microseconds', '20000');
});
after(() => Promise.all([server.stop(), endless.stop()]));

const again = (page) => button(page, 'Answer again').click();

test('a good answer is back when another one cannot be had', async () => {
  const { page, close } = await openPage(server);
  await answerWith(page, 'Good.', 'offline', 'never');
  await ask(page, 'a');
  await finished(page);
  await again(page);
  await page.getByText('The server cannot be reached', { exact: true }).waitFor();
  await saidBecomes(page, ['q: a', 'a: Good.']);
  await shoot(page, 'retry-failed');
  await button(page, 'Retry').click();
  await page.getByText('Reading your message').waitFor();
  await button(page, 'Stop the answer').click();
  await saidBecomes(page, ['q: a', 'a: Good.']);
  await page.reload();
  await saidBecomes(page, ['q: a', 'a: Good.']);
  await close();
});

test('a cut answer is kept through retries that fail, and a reload', async () => {
  const { page, close } = await openPage(server);
  await answerWith(page, { cut: 'Half of it' }, 'offline');
  await ask(page, 'a');
  await page.getByText('The connection was lost in the middle of the answer', { exact: true }).waitFor();
  await button(page, 'Retry').click();
  await page.getByText('The server cannot be reached', { exact: true }).waitFor();
  await saidBecomes(page, ['q: a', 'a: Half of it']);
  await page.reload();
  await saidBecomes(page, ['q: a', 'a: Half of it']);
  await close();
});

test('an edit of the first of three questions can be taken back, also after a reload', async () => {
  const { page, close } = await openPage(server);
  await answerWith(page, '1', '2', '3', 'Another.');
  for (const [index, text] of ['one', 'two', 'three'].entries()) {
    await ask(page, text);
    await finished(page, index + 1);
  }
  const all = ['q: one', 'a: 1', 'q: two', 'a: 2', 'q: three', 'a: 3'];
  await questions(page).first().getByRole('button', { name: 'Edit this message' }).click();
  await page.locator('.turn.edited').waitFor();
  assert.equal(await page.locator('.turn.replaced').count(), 5);
  assert.deepEqual(await seriousViolations(page), []);
  await shoot(page, 'editing');
  await ask(page, 'other');
  await saidBecomes(page, ['q: other', 'a: Another.']);
  await page.reload();
  await shoot(page, 'replaced');
  await button(page, 'Bring it back').click();
  await saidBecomes(page, all);
  await button(page, 'Bring it back').click();
  await saidBecomes(page, ['q: other', 'a: Another.']);
  await close();
});

test('two tabs have their own conversations, and both are there afterwards', async () => {
  const context = await openContext();
  const tabs = [await context.newPage(), await context.newPage()];
  for (const [index, tab] of tabs.entries()) {
    await answerWith(tab, `Answer ${index}.`);
    await tab.goto(server.url);
    await tab.locator('#empty-title').waitFor();
  }
  await Promise.all(tabs.map((tab, index) => ask(tab, `question ${index}`)));
  await Promise.all(tabs.map((tab) => finished(tab)));
  await ask(tabs[0], 'once more');
  await finished(tabs[0], 2);
  await tabs[1].reload();
  await saidBecomes(tabs[1], ['q: question 1', 'a: Answer 1.']);
  await Promise.all(tabs.map((tab) => tab.close()));

  const page = await context.newPage();
  await page.goto(server.url);
  await questions(page).first().waitFor();
  const newest = await said(page);
  await button(page, 'New chat').click();
  await button(page, 'Earlier conversations (2)').click();
  assert.deepEqual(await seriousViolations(page), []);
  await shoot(page, 'earlier');
  await page.locator('.earlier-open').nth(1).click();
  await page.waitForFunction(() => document.querySelectorAll('.bubble').length > 0);
  const both = [...newest, ...await said(page)];
  for (const text of ['q: question 0', 'a: Answer 0.', 'q: once more', 'q: question 1', 'a: Answer 1.']) {
    assert.ok(both.includes(text), `${text} is lost`);
  }
  await button(page, 'New chat').click();
  await button(page, 'Earlier conversations (2)').click();
  await page.getByRole('button', { name: /^Delete: / }).first().click();
  await page.waitForFunction(() => document.querySelectorAll('.earlier-open').length === 1);
  await context.close();
});

test('two tabs that show one conversation and send at once make two of it', async () => {
  const context = await openContext();
  // As over plain HTTP from another machine: no locks.
  await context.addInitScript(() => Object.defineProperty(Navigator.prototype, 'locks', { value: undefined }));
  const first = await context.newPage();
  await answerWith(first, 'Yes.');
  await first.goto(server.url);
  await ask(first, 'start');
  await finished(first);
  const second = await context.newPage();
  await answerWith(second, 'No.');
  await second.goto(server.url);
  await saidBecomes(second, ['q: start', 'a: Yes.']);
  await Promise.all([ask(first, 'in one'), ask(second, 'in two')]);
  await Promise.all([finished(first, 2), finished(second, 2)]);
  await Promise.all([first.reload(), second.reload()]);
  await saidBecomes(first, ['q: start', 'a: Yes.', 'q: in one', 'a: Yes.']);
  await saidBecomes(second, ['q: start', 'a: Yes.', 'q: in two', 'a: No.']);
  await context.close();
});

test('a reload in the middle of an answer keeps what came, and offers the rest', async () => {
  const { page, close } = await openPage(endless);
  await ask(page, 'Go on');
  await page.waitForFunction(() => (document.querySelector('.prose')?.textContent.length ?? 0) > 20);
  const before = (await page.locator('.prose').textContent()).trim();
  await page.reload();
  await page.getByText('The page was closed before it was complete.').waitFor();
  const after = (await page.locator('.prose').textContent()).trim();
  assert.ok(after.startsWith(before), `${after} is less than ${before}`);
  await shoot(page, 'interrupted');
  const bodies = await answerWith(page, ' and the rest');
  await button(page, 'Continue').click();
  await page.getByText('and the rest').waitFor();
  assert.equal(bodies[0].continue_final_message, true);
  assert.deepEqual(bodies[0].messages.map(({ role }) => role), ['user', 'assistant']);
  assert.ok((await page.locator('.prose').textContent()).startsWith(before));
  await close();
});

test('seven megabytes of conversation come through a reload', async () => {
  const { page, close } = await openPage(server);
  await page.route('**/v1/chat/completions', (route) => route.abort()); // a failure keeps the question
  for (let count = 1; count <= 6; ++count) {
    await page.locator('#message').evaluate((field, length) => {
      field.value = 'long message '.repeat(length / 13);
      field.dispatchEvent(new Event('input', { bubbles: true }));
    }, 1_200_000);
    await message(page).press('Enter');
    await questions(page).nth(count - 1).waitFor();
    await page.locator('.error-card').waitFor();
  }
  await page.reload();
  await questions(page).nth(5).waitFor();
  assert.equal(await page.getByText('no longer saved').count(), 0);
  await close();
});

test('storage that is full is told, and the conversation can be copied', async () => {
  const { page, context, close } = await openPage(server);
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await answerWith(page, 'Yes.');
  await ask(page, 'a');
  await finished(page);
  await page.evaluate(() => {
    IDBObjectStore.prototype.put = () => { throw new DOMException('full', 'QuotaExceededError'); };
  });
  await ask(page, 'b');
  await page.getByText('This conversation is no longer saved').waitFor();
  assert.deepEqual(await seriousViolations(page), []);
  await shoot(page, 'storage-full');
  await button(page, 'Copy the conversation').click();
  await page.waitForFunction(async () => await navigator.clipboard.readText() === '> a\n\nYes.\n\n> b\n\nYes.');
  await close();
});

test('storage that is blocked does not hinder', async () => {
  const context = await openContext();
  await context.addInitScript(() => {
    for (const name of ['indexedDB', 'localStorage', 'sessionStorage']) {
      Object.defineProperty(window, name, { get() { throw new DOMException('blocked', 'SecurityError'); } });
    }
  });
  const page = await context.newPage();
  const problems = [];
  page.on('pageerror', (error) => problems.push(error.message));
  await answerWith(page, 'Yes.');
  await page.goto(server.url);
  await page.locator('#empty-title').waitFor();
  await ask(page, 'a');
  await page.getByText('This browser keeps nothing of this page').waitFor();
  await button(page, 'New chat').click();
  await button(page, 'Bring it back').click();
  await saidBecomes(page, ['q: a', 'a: Yes.']);
  assert.deepEqual(problems, []);
  await context.close();
});

test('the conversation of an older page is taken over', async () => {
  const context = await openContext();
  const page = await context.newPage();
  await page.goto(`${server.url}/icon-none`);
  await page.evaluate(() => localStorage.setItem('puna.conversation', JSON.stringify({ version: 1, turns: [
    { role: 'user', text: 'old question' }, { role: 'assistant', text: 'old *answer*', phase: 'done', stats: { tokens: 2 } },
  ] })));
  await page.goto(server.url);
  await saidBecomes(page, ['q: old question', 'a: old answer']);
  assert.equal(await page.evaluate(() => localStorage.getItem('puna.conversation')), null);
  await page.reload();
  await saidBecomes(page, ['q: old question', 'a: old answer']);
  await context.close();
});

test('a draft stays when an example is asked, and comes through a reload', async () => {
  const { page, close } = await openPage(server);
  await message(page).fill('half a thought');
  await button(page, 'Where is my order?').click();
  await finished(page);
  assert.equal(await message(page).inputValue(), 'half a thought');
  await page.reload();
  await questions(page).first().waitFor();
  assert.equal(await message(page).inputValue(), 'half a thought');
  await close();
});

test('what is sent while an answer comes waits for its end, and comes back when it has none', async () => {
  const { page, close } = await openPage(endless);
  await ask(page, 'first');
  await page.locator('.prose.streaming').waitFor();
  await ask(page, 'second');
  await page.getByText('Sent when the answer is complete:').waitFor();
  assert.deepEqual(await seriousViolations(page), []);
  await shoot(page, 'queued');
  await button(page, 'Stop the answer').click();
  await page.waitForFunction(() => document.querySelector('#message').value === 'second');

  await button(page, 'New chat').click();
  let release;
  await page.route('**/v1/chat/completions', async (route) => {
    await new Promise((resolve) => { release = resolve; });
    await route.abort();
  });
  await message(page).fill('');
  await ask(page, 'one');
  await page.getByText('Reading your message').waitFor();
  await ask(page, 'two');
  release();
  await page.waitForFunction(() => document.querySelector('#message').value === 'two');
  await close();
});

test('a queued message goes out when the answer is complete', async () => {
  const { page, close } = await openPage(server);
  let release;
  await page.route('**/v1/chat/completions', async (route) => {
    await new Promise((resolve) => { release = resolve; });
    await route.continue();
  }, { times: 1 });
  await ask(page, 'one');
  await page.getByText('Reading your message').waitFor();
  await ask(page, 'two');
  release();
  await finished(page, 2);
  assert.deepEqual(await page.locator('.bubble').allInnerTexts(), ['one', 'two']);
  await close();
});
