// The picture of the README: the demo, as `make demo` serves it, answers a customer. `make picture` keeps it.
import assert from 'node:assert/strict';
import { copyFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { answers, ask, finished, openPage, useBrowser } from './page.mjs';
import { demoModel, screenshots, startServer } from './server.mjs';

useBrowser();

let server;
before(async () => {
  server = await startServer(demoModel, '--adapter', 'models/demo/adapter', '--served-model-name', 'support-assistant',
    '--override-generation-config', '{"temperature": 0}', '--page-title', 'Support assistant',
    '--system-prompt-file', 'models/demo/system_prompt.txt', '--examples-file', 'models/demo/examples.json',
    '--page-texts-file', 'models/demo/page_texts.json');
});
after(() => server.stop());

test('the demo answers a customer in two turns', async () => {
  const { page, problems, close } = await openPage(server, { viewport: { width: 960, height: 640 } });
  await ask(page, 'Do you deliver to Poland, and how long does it take?');
  await finished(page);
  assert.match(await answers(page).first().innerText(), /Poland|EU|days/);
  await ask(page, 'Can I send a pen back if I do not like it?');
  await finished(page, 2);
  assert.match(await answers(page).last().innerText(), /days|return/i);
  const picture = `${screenshots}/readme.png`;
  await page.screenshot({ path: picture });
  if (process.env.PUNA_KEEP_PICTURE) copyFileSync(picture, new URL('../../docs/images/chat_page.png', import.meta.url));
  assert.deepEqual(problems, []);
  await close();
});
