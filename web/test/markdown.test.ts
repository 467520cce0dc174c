// Whatever a model writes, the page stays what it is.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { JSDOM } from 'jsdom';

const { window } = new JSDOM('<!doctype html><body></body>', { url: 'http://127.0.0.1:8000/' });
Object.assign(globalThis, {
  window, document: window.document, Node: window.Node, Element: window.Element, HTMLElement: window.HTMLElement,
  DocumentFragment: window.DocumentFragment, location: window.location,
});
// DOMPurify looks for its window when it is loaded.
const { markdown, renderBlock } = await import('../src/markdown/render.ts');
const { settledEnds } = await import('../src/markdown/blocks.ts');
const { splitThinking } = await import('../src/markdown/thinking.ts');

function render(text: string): HTMLElement {
  const root = window.document.createElement('div');
  root.append(renderBlock(text, {} as never, true));
  return root;
}

const kAttacks = [
  '<script>alert(1)</script>', '<img src=x onerror=alert(1)>', '<svg onload=alert(1)>', '<iframe src="javascript:alert(1)">',
  '[a](javascript:alert(1))', '[a](JaVaScRiPt:alert(1))', '[a](data:text/html,<script>alert(1)</script>)',
  '[a](vbscript:x)', '![a](http://elsewhere.invalid/x.png)', '<a href="javascript:alert(1)">x</a>',
  '<style>body{display:none}</style>', '<form action=http://x><input></form>', '<math><mtext></mtext></math>',
  '[a]: javascript:alert(1)\n\n[a]', '<javascript:alert(1)>', '`<img src=x onerror=alert(1)>`',
  '```html\n<script>alert(1)</script>\n```', '<div style="position:fixed" onclick=x id=message>', '&lt;script&gt;',
  '<a name=getElementById>', '\\(<img src=x onerror=alert(1)>\\)', '$$\n<script>alert(1)</script>\n$$', '[^<b onclick=x>]: <script>x</script>', '&lt;img src=x onerror=alert(1)&gt; &NotAnEntity; &#x3c;script&#x3e;', '| <b onmouseover=x>a</b> |\n|---|\n| c |', '<base href=http://x>', '<!--x--><p>',
];

for (const attack of kAttacks) {
  test(`harmless: ${attack.slice(0, 50).replaceAll('\n', ' ')}`, () => {
    const root = render(attack);
    assert.equal(root.querySelector('script, img, iframe, svg:not(.icon), style, form, input, math, base, object'), null);
    for (const element of root.querySelectorAll('*')) {
      for (const { name, value } of element.attributes) {
        assert.ok(!name.startsWith('on'), `${name} on ${element.tagName}`);
        assert.ok(!['style', 'id', 'name', 'src'].includes(name), `${name} on ${element.tagName}`);
        assert.ok(!/^\s*(javascript|data|vbscript):/i.test(value), `${name}=${value}`);
      }
    }
  });
}

test('markdown becomes elements', () => {
  const root = render('# Title\n\n**bold** and `code`\n\n- a\n- b\n\n| x | y |\n|--|--:|\n| 1 | 2 |');
  assert.equal(root.querySelector('h1')?.textContent, 'Title');
  assert.equal(root.querySelector('strong')?.textContent, 'bold');
  assert.equal(root.querySelectorAll('li').length, 2);
  assert.equal(root.querySelectorAll('td').length, 2);
});

test('links open apart and tell nothing', () => {
  const link = render('[shop](https://shop.example/a)').querySelector('a');
  assert.equal(link?.getAttribute('target'), '_blank');
  assert.match(link?.getAttribute('rel') ?? '', /noopener/);
  assert.match(link?.getAttribute('rel') ?? '', /noreferrer/);
});

test('HTML is shown as the text it is', () => {
  assert.match(render('<b>not bold</b>').textContent ?? '', /<b>not bold<\/b>/);
});

const kFormulas = [
  String.raw`\(a^2 + b_1 * c_2\)`, String.raw`\[x = \frac{-b \pm \sqrt{b^2}}{2a}\]`, '$a_1 * b_2 * c$', '$$a_1 * b_2$$',
  String.raw`\(\mathbf{x} \in \{1, 2\}\)`, String.raw`$\alpha_i$`,
];
for (const formula of kFormulas) {
  test(`a formula stays as it was written: ${formula}`, () => {
    assert.equal(render(`Here ${formula} is one.`).textContent?.trim(), `Here ${formula} is one.`);
    assert.equal(render(`- **a** ${formula}`).querySelectorAll('em').length, 0);
  });
}

test('a formula of several lines stays as it was written', () => {
  for (const formula of ['\\[\nx\n= 1\n- 2\n\\]', '$$\na_1\n* b_1 *\n$$', '\\[\nstill\n= growing']) {
    const root = render(`So:\n${formula}`);
    assert.equal(root.querySelector('p.math')?.textContent?.trim(), formula);
    assert.equal(root.querySelector('ul, em, h1, h2'), null);
  }
  assert.match(render('So:\n\\[\nx\n\\]\n**after**').innerHTML, /<strong>after<\/strong>/);
});

test('prices, paths and brackets are no formulas', () => {
  assert.equal(render('From $5 to **$6**, or US$7_8_9.').querySelector('strong')?.textContent, '$6');
  assert.equal(render('It costs 5$ or *6$ each*.').querySelector('em')?.textContent, '6$ each');
  assert.equal(render('\\[ opened\n\n**never** closed').querySelector('strong')?.textContent, 'never');
  assert.equal(render('a \\* b').textContent?.trim(), 'a * b');
});

test('a growing formula is not cut into blocks', () => {
  const text = 'So:\n\n\\[\nx\n- 1\n+ 2\nand on';
  assert.ok(settledEnds(markdown, text, {}).every((end) => end <= text.indexOf('\\[')));
});

// Quadratic, it would take hours.
test('openings without an end do not hang the page', { timeout: 60_000 }, () => {
  for (const mark of ['\\(', '\\[', '$a', '[^']) render(mark.repeat(50_000));
});

test('entities are what they stand for, and others are text', () => {
  assert.equal(render('caf&eacute; &amp; &copy; &hearts; &nosuch; &#65;').textContent?.trim(), 'café & © ♥ &nosuch; A');
});

test('each piece of a text runs in its own direction', () => {
  const root = render('An answer.\n\nשלום עולם.\n\n- أهلا\n- و\n\n> مرحبا\n\n```\nשלום\n```\n\n| א | b |\n|---|---|\n| a | ב |');
  assert.ok([...root.querySelectorAll('p, li, td, th')].every((one) => one.getAttribute('dir') === 'auto'));
  assert.equal(root.querySelector('ul')?.dir, 'rtl');
  assert.equal(root.querySelector('blockquote')?.dir, 'rtl');
  assert.equal(root.querySelector('table')?.dir, 'rtl');
  assert.equal(root.querySelector('pre')?.dir, 'ltr');
  assert.equal(render('- 1. a\n- b').querySelector('ul')?.dir, 'ltr');
});

test('task lists have boxes and footnotes are set apart', () => {
  const root = render('- [x] done\n- [ ] open\n- [link](https://x.example)');
  assert.deepEqual([...root.querySelectorAll('li.task')].map((one) => one.textContent?.trim()), ['☑ done', '☐ open']);
  const notes = render('True[^1].\n\n[^1]: See **there**\n[^long]: https://x.example');
  assert.deepEqual([...notes.querySelectorAll('sup')].map((one) => one.textContent), ['1', '1', 'long']);
  assert.equal(notes.querySelector('.footnote strong')?.textContent, 'there');
  assert.match(notes.textContent ?? '', /x\.example/);
});

test('thoughts are apart from the answer, also while they grow', () => {
  assert.deepEqual(splitThinking('<think>\nhm</think>\n\nYes'), { thinking: 'hm', answer: 'Yes' });
  assert.deepEqual(splitThinking(' <think>hm'), { thinking: 'hm', answer: '' });
  assert.deepEqual(splitThinking('I <think> so'), { thinking: '', answer: 'I <think> so' });
});
