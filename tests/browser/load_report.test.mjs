// The page that `puna load --html` writes: one file, charts of any width, light and dark.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { rmSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { openContext, seriousViolations, useBrowser, watch } from './page.mjs';
import { binary, screenshots, startServer } from './server.mjs';

useBrowser();

const report = `${screenshots}/load_report.html`;
before(async () => {
  const server = await startServer('--backend', 'fake', '--fake-step-microseconds', '2000', '--max-num-queued-reqs', '2',
    '--max-num-seqs', '2');
  rmSync(report, { force: true });
  await promisify(execFile)(binary, ['load', server.url, '--ramp', '1:8:2s', '--max-tokens', '24', '--goodput', 'ttft:100',
    '--html', report, '--log-level', 'error']);
  await server.stop();
});
after(() => rmSync(report, { force: true }));

for (const [scheme, width] of [['light', 320], ['dark', 1280]]) {
  test(`the report is whole and readable: ${scheme}, ${width} px`, async () => {
    const context = await openContext({ viewport: { width, height: 900 }, colorScheme: scheme });
    const page = await context.newPage();
    const problems = watch(page, { url: 'file://' });
    await page.goto(`file://${report}`);
    assert.match(await page.getByRole('heading', { level: 1 }).innerText(), /^fake under load$/);
    const charts = page.getByRole('figure');
    assert.equal(await charts.count(), 6);
    for (const chart of await charts.all()) {
      const line = await chart.locator('path.line[d]').last().boundingBox();
      const plot = await chart.locator('.plot').boundingBox();
      assert.ok(line.width > 0 && line.x >= 0 && line.x + line.width <= width, 'a line is on the page');
      assert.ok(plot.width > width / 4, 'a plot has its share of the width');
    }
    assert.match(await page.getByRole('row', { name: /^Time to first token/ }).innerText(), /\d/);
    assert.match(await page.getByRole('row', { name: /^503/ }).innerText(), /queue is full/);
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    assert.ok(overflow <= 0, `nothing is cut off on the right (${overflow} px)`);
    await page.screenshot({ path: `${screenshots}/load_report_${scheme}_${width}.png`, fullPage: true });
    assert.deepEqual(await seriousViolations(page), []);
    assert.deepEqual(problems, []);
    await context.close();
  });
}
