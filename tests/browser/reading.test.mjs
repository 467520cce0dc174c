// What is on the screen is in sight, in its direction, with its colours, at every size.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  answerWith, ask, button, finished, message, openPage, seriousViolations, shoot, useBrowser,
} from './page.mjs';
import { startServer } from './server.mjs';

useBrowser();

let server;
let endless;
before(async () => {
  server = await startServer('--backend', 'fake', '--page-title', 'Support assistant', '--served-model-name',
    'support-assistant', '--examples-file', 'models/demo/examples.json', '--page-texts-file', 'tests/browser/page_texts.json');
  endless = await startServer('--backend', 'fake', '--fake-endless', '--fake-step-microseconds', '2000');
});
after(() => Promise.all([server.stop(), endless.stop()]));

const kEverything = `# Delivery

It takes **2 to 3** working days[^1]. See [the shop](https://shop.example/delivery) and \`order.py\`:

- [x] packed
- [ ] sent

| Country | Working days | Price | What we say about it |
|---|--:|--:|---|
| Poland | 5 | 4.90 | Parcels are handed to the post in Warsaw and come with a number |
| France | 3 | 6.50 | Tracked, to the door |

\`\`\`kotlin
fun days(country: String): Int = if (country == "PL") 5 else 3
\`\`\`

The area is \\(a^2 + b_1 * c_2\\), and

\\[
x = \\frac{-b \\pm \\sqrt{b^2 - 4ac}}{2a}
\\]

> Said the shop.

[^1]: On *working* days.`;

const gapBelow = (page) => page.locator('.transcript').evaluate((frame) =>
  frame.scrollHeight - frame.scrollTop - frame.clientHeight);

describe('the end of the conversation is in sight', () => {
  test('after answers that come at once, with code that is coloured later', async () => {
    const { page, close } = await openPage(server);
    await answerWith(page, 'Short.', 'Short.', kEverything);
    for (let count = 1; count <= 6; ++count) {
      await ask(page, `question ${count}`);
      await finished(page, count);
      await page.locator('.prose').nth(count - 1).waitFor();
      if (count >= 3) await page.locator('.hljs-keyword').nth(count - 3).waitFor();
      await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
      assert.ok(await gapBelow(page) <= 1, `${await gapBelow(page)} pixels below after question ${count}`);
      assert.equal(await button(page, 'Jump to the latest').count(), 0);
    }
    await close();
  });

  test('when the text grows again before the scroll event of our own scrolling', async () => {
    const { page, close } = await openPage(server);
    await answerWith(page, kEverything);
    await ask(page, 'a');
    await finished(page);
    // Growth in the same frame: the echo of one scrolling arrives when the end has moved on.
    await page.locator('.transcript').evaluate(async (frame) => {
      const grow = () => {
        const more = document.createElement('p');
        more.textContent = 'more '.repeat(400);
        frame.querySelector('.prose').append(more);
      };
      frame.addEventListener('scroll', grow, { capture: true, once: true });
      grow();
      const frames = (n) => new Promise((done) => {
        const next = (left) => (left === 0 ? done() : requestAnimationFrame(() => next(left - 1)));
        next(n);
      });
      await frames(6);
    });
    assert.ok(await gapBelow(page) <= 1, `${await gapBelow(page)} pixels below`);
    await close();
  });

  test('unless the person has gone away from it', async () => {
    const { page, close } = await openPage(endless);
    await ask(page, 'Go on');
    await page.waitForFunction(() => {
      const frame = document.querySelector('.transcript');
      return frame && frame.scrollHeight > frame.clientHeight + 300;
    });
    await page.locator('.transcript').hover();
    await page.mouse.wheel(0, -200);
    await button(page, 'Jump to the latest').waitFor();
    const top = await page.locator('.transcript').evaluate((frame) => frame.scrollTop);
    await page.waitForFunction((length) => document.querySelector('.prose').textContent.length > length + 40,
      (await page.locator('.prose').textContent()).length);
    assert.equal(await page.locator('.transcript').evaluate((frame) => frame.scrollTop), top);
    await shoot(page, 'jump');
    await button(page, 'Jump to the latest').click();
    assert.ok(await gapBelow(page) <= 60);
    await button(page, 'Stop the answer').click();
    await close();
  });
});

test('each paragraph runs in its own direction', async () => {
  const { page, close } = await openPage(server);
  await answerWith(page, 'An English sentence.\n\nהטקסט הזה בעברית, בסוף נקודה.\n\n- שלום\n- עולם\n\nEnglish again.');
  await ask(page, 'English first\nואז עברית.');
  await finished(page);
  const directions = await page.locator('.prose :is(p, ul, li)').evaluateAll((all) =>
    all.map((one) => `${one.tagName} ${getComputedStyle(one).direction}`));
  assert.deepEqual(directions, ['P ltr', 'P rtl', 'UL rtl', 'LI rtl', 'LI rtl', 'P ltr']);
  await shoot(page, 'directions');
  await close();
});

test('a draft of 200 kB is typed in and sent without waiting, and does not hide what comes after it', async (t) => {
  const { page, close } = await openPage(server);
  await answerWith(page, 'Yes.');
  await message(page).fill('many words '.repeat(18_000));
  const slowest = await page.evaluate(async () => {
    const field = document.querySelector('#message');
    field.setSelectionRange(field.value.length, field.value.length);
    let worst = 0;
    for (let i = 0; i < 10; ++i) {
      const startMs = performance.now();
      document.execCommand('insertText', false, 'x');
      await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
      worst = Math.max(worst, performance.now() - startMs);
    }
    return worst;
  });
  t.diagnostic(`slowest key of a 200 kB draft: ${slowest.toFixed(0)} ms`);
  const measured = await page.evaluate(() => {
    // Its height is not measured: that is what took a tenth of a second at every key.
    let reads = 0;
    const { get } = Object.getOwnPropertyDescriptor(Element.prototype, 'scrollHeight');
    Object.defineProperty(Element.prototype, 'scrollHeight', {
      configurable: true, get() { if (this.id === 'message') reads += 1; return get.call(this); },
    });
    document.execCommand('insertText', false, 'y');
    return reads;
  });
  assert.equal(measured, 0);
  assert.equal(await message(page).getAttribute('dir'), 'ltr', 'which is not looked for at every key');
  await shoot(page, 'draft-200kb');
  await message(page).press('Enter');
  await finished(page);
  const bubble = await page.locator('.bubble').boundingBox();
  assert.ok(bubble.height < 800, `a bubble of ${bubble.height} pixels`);
  await shoot(page, 'folded');
  await page.getByRole('button', { name: /^Show all 198/ }).click();
  assert.ok((await page.locator('.bubble p').textContent()).length > 190_000);
  await close();
});

test('high contrast shows the focus, the edges and the choice by lines', async () => {
  const { page, close } = await openPage(server, { forcedColors: 'active' });
  const outline = (selector) => page.locator(selector).evaluate((one) => getComputedStyle(one).outlineStyle);
  assert.equal(await outline('.composer-box'), 'solid');
  await page.locator('.header-new').focus();
  assert.equal(await outline('.composer-box'), 'none');
  await answerWith(page, kEverything);
  await ask(page, 'a');
  await finished(page);
  const edge = await page.locator('.bubble').evaluate((one) => getComputedStyle(one).borderTopColor);
  assert.notEqual(edge, await page.evaluate(() => getComputedStyle(document.body).backgroundColor));
  assert.deepEqual(await seriousViolations(page), []);
  await shoot(page, 'forced-colors');
  await button(page, 'Settings').click();
  assert.equal(await outline('.choice input:checked + span'), 'solid');
  await shoot(page, 'forced-colors-settings');
  await close();
});

test('every picture has its word, on hover and on focus, and Escape hides it', async () => {
  const { page, close } = await openPage(server);
  const tip = () => page.locator('.header .tipped').evaluate((one) => getComputedStyle(one, '::after').display);
  assert.equal(await tip(), 'none');
  await page.locator('.header .tipped').hover();
  assert.equal(await tip(), 'block');
  await shoot(page, 'tip');
  await page.keyboard.press('Escape');
  assert.equal(await tip(), 'none');
  await page.mouse.move(300, 300);
  await page.locator('.header-new').focus();
  await page.keyboard.press('Tab');
  assert.equal(await tip(), 'block');
  for (const name of await page.locator('button:not(:has-text(" "))').evaluateAll((all) =>
    all.filter((one) => one.textContent.trim() === '').map((one) => one.dataset.tip ?? ''))) {
    assert.notEqual(name, '');
  }
  await close();
});

test('the tab has the name of the page and of the conversation', async () => {
  const { page, close } = await openPage(server);
  await page.waitForFunction(() => document.title === 'Support assistant');  // once the server has told it
  await answerWith(page, 'Yes.');
  await ask(page, 'Where is my order 48213?');
  await finished(page);
  assert.equal(await page.title(), 'Where is my order 48213? · Support assistant');
  await button(page, 'New chat').click();
  assert.equal(await page.title(), 'Support assistant');
  await close();
});

const kLooks = {
  light: { colorScheme: 'light' },
  dark: { colorScheme: 'dark' },
  320: { viewport: { width: 320, height: 640 }, hasTouch: true, isMobile: true },
  360: { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true },
  sideways: { viewport: { width: 640, height: 260 }, hasTouch: true, isMobile: true },
  '4k': { viewport: { width: 3840, height: 2160 } },
};
for (const [look, options] of Object.entries(kLooks)) {
  test(`nothing is cut, hidden or hindering (${look})`, async () => {
    const { page, problems, close } = await openPage(server, options);
    assert.equal(await page.locator('.header-model').count(), 0, 'the model says the same as the title');
    const fits = () => page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth);
    assert.ok(await fits());
    assert.ok(await page.locator('h1').evaluate((one) => one.scrollWidth <= one.clientWidth), 'the title is cut');
    const example = await page.locator('.example').first().boundingBox();
    const composer = await page.locator('.composer').boundingBox();
    assert.ok(example.y + example.height <= composer.y, 'the first example is in sight');
    assert.deepEqual(await seriousViolations(page), []);
    await shoot(page, `look-${look}-empty`);
    await answerWith(page, kEverything);
    await ask(page, 'How long does it take?');
    await finished(page);
    assert.ok(await fits());
    const cells = await page.locator('td').evaluateAll((all) => all.map((one) => one.getBoundingClientRect().width));
    assert.ok(Math.max(...cells) >= 150, 'the long column has room');
    assert.deepEqual(await seriousViolations(page), []);
    await page.locator('h1').first().scrollIntoViewIfNeeded();
    await shoot(page, `look-${look}-answer`);
    await button(page, 'Settings').click();
    await page.getByRole('heading', { name: 'Settings' }).waitFor();
    assert.deepEqual(await seriousViolations(page), []);
    await shoot(page, `look-${look}-settings`);
    assert.deepEqual(problems, []);
    await close();
  });
}

test('both lines below the box fit beside each other', async () => {
  for (const locale of ['en-US', 'zh-CN']) {
    const { page, close } = await openPage(server, { viewport: { width: 1280, height: 800 }, locale });
    const [hint, notice] = await page.locator('.composer-note span').evaluateAll((all) =>
      all.map((one) => one.getBoundingClientRect().top));
    assert.equal(hint, notice);
    await close();
  }
});

test('thoughts are folded', async () => {
  const { page, close } = await openPage(server);
  await answerWith(page, '<think>\nFirst I look.\n</think>\n\nThe **answer**.');
  await ask(page, 'a');
  await finished(page);
  assert.equal((await page.locator('.prose').innerText()).trim(), 'The answer.');
  assert.ok(!await page.getByText('First I look.').isVisible());
  await page.getByText('Thoughts').click();
  assert.ok(await page.getByText('First I look.').isVisible());
  await shoot(page, 'thoughts');
  await close();
});
