// What the page believes of the server's word about itself.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsePageConfig } from '../src/page_config.ts';

test('a full answer is taken over', () => {
  assert.deepEqual(parsePageConfig({
    title: 'Shop', model: 'm', max_model_len: 2048, system_prompt: 'Be kind.', examples: ['a', 'b'],
    defaults: { temperature: 0, max_tokens: 100 },
  }), {
    title: 'Shop', model: 'm', examples: ['a', 'b'], systemPrompt: 'Be kind.', temperature: 0, maxTokens: 100,
    maxModelLen: 2048,
  });
});

test('missing and wrong fields leave the defaults', () => {
  for (const answer of [undefined, null, [], 'x', { title: 3, examples: 'no', defaults: null, model: '' }]) {
    const config = parsePageConfig(answer);
    assert.equal(config.title, 'Puna');
    assert.deepEqual(config.examples, []);
    assert.equal(config.temperature, undefined);
  }
});

test('only texts are examples, and not too many', () => {
  assert.deepEqual(parsePageConfig({ examples: ['a', 1, '', null, 'b'] }).examples, ['a', 'b']);
  assert.equal(parsePageConfig({ examples: Array(50).fill('x') }).examples.length, 6);
});
