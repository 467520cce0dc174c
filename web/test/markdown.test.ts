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
const { renderBlock } = await import('../src/markdown/render.ts');

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
  '<a name=getElementById>', '| <b onmouseover=x>a</b> |\n|---|\n| c |', '<base href=http://x>', '<!--x--><p>',
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
