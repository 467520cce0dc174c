// Ray's dashboard of a running cluster in Debian's Chromium: it wants the token, then shows the
// application with its replicas. Takes the address, the token and the replicas' ids as arguments:
//     node tests/browser/cluster/ray_dashboard.mjs URL TOKEN REPLICA…
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { chromium } from 'playwright-core';
import { screenshots } from '../server.mjs';

const [url, token, ...replicas] = process.argv.slice(2);
const kPageMs = 60_000;
setTimeout(() => { console.error('the dashboard test hangs'); process.exit(1); }, 300_000).unref();

mkdirSync(screenshots, { recursive: true });
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
try {
  const page = await (await browser.newContext({ viewport: { width: 1300, height: 900 }, locale: 'en-US' })).newPage();
  const foreign = new Set();
  page.on('request', (request) => {
    if (!request.url().startsWith(url) && !/^(data|blob):/.test(request.url())) foreign.add(request.url());
  });
  await page.goto(`${url}/#/serve`);
  const field = page.getByRole('dialog').locator('input').first();
  await field.waitFor({ timeout: kPageMs });
  assert.equal(await page.getByText('llama2').count(), 0, 'nothing is shown before the token');
  await page.screenshot({ path: `${screenshots}/ray-dashboard-token.png` });
  await field.fill(token);
  await field.press('Enter');
  const submit = page.getByRole('dialog').getByRole('button').last();
  if (await submit.isVisible().catch(() => false)) await submit.click().catch(() => {});

  await page.goto(`${url}/#/serve`);
  await page.getByText('llama2', { exact: true }).first().waitFor({ timeout: kPageMs });
  await page.getByText('RUNNING', { exact: true }).first().waitFor({ timeout: kPageMs });
  await page.screenshot({ path: `${screenshots}/ray-dashboard-serve.png` });
  await page.goto(`${url}/#/serve/applications/llama2/PunaReplica`);
  for (const replica of replicas) {
    await page.getByText(replica).first().waitFor({ timeout: kPageMs });
  }
  await page.screenshot({ path: `${screenshots}/ray-dashboard-replicas.png` });
  assert.deepEqual([...foreign], [], 'no request to anywhere else');
} finally {
  await browser.close();
}
