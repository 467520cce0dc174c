// What the page believes of the server's word about itself.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { operatorTexts, parsePageConfig } from '../src/page_config.ts';

test('a full answer is taken over', () => {
  assert.deepEqual(parsePageConfig({
    title: 'Shop', model: 'm', max_model_len: 2048, system_prompt: 'Be kind.', examples: ['a', 'b'],
    defaults: { temperature: 0, max_tokens: 100 }, texts: { 'zh-CN': { title: '商店', greeting: '您好', examples: ['甲', 3] } },
  }), {
    title: 'Shop', model: 'm', examples: ['a', 'b'], systemPrompt: 'Be kind.', temperature: 0, maxTokens: 100,
    maxModelLen: 2048, texts: { 'zh-cn': { title: '商店', greeting: '您好', examples: ['甲'] } },
  });
});

test('missing and wrong fields leave the defaults', () => {
  for (const answer of [undefined, null, [], 'x', { title: 3, examples: 'no', defaults: null, model: '', texts: 'no' },
    { texts: { en: 3, de: null, fr: { title: 4, greeting: [] } } }]) {
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

const shop = parsePageConfig({
  title: 'Shop', examples: ['Where is it?'],
  texts: { 'zh-CN': { title: '商店', greeting: '您好', examples: ['在哪里？'] }, de: { greeting: 'Guten Tag' } },
});
const greeted = (...languages: string[]) => {
  const { title, greeting, examples = [] } = operatorTexts(shop, languages);
  return [title, greeting, ...examples];
};

test('a person is greeted in the first of their languages that the operator speaks', () => {
  assert.deepEqual(greeted('zh-CN', 'en'), ['商店', '您好', '在哪里？']);
  assert.deepEqual(greeted('zh', 'en'), ['商店', '您好', '在哪里？']);
  assert.deepEqual(greeted('zh-Hans-SG'), ['商店', '您好', '在哪里？']);
  assert.deepEqual(greeted('fr', 'de-AT', 'zh-CN'), ['Shop', 'Guten Tag', 'Where is it?']);
});

test('and in the words for everybody when there is none', () => {
  assert.deepEqual(greeted(), ['Shop', undefined, 'Where is it?']);
  assert.deepEqual(greeted('fr'), ['Shop', undefined, 'Where is it?']);
  assert.deepEqual(greeted('en-US', 'zh-CN'), ['Shop', undefined, 'Where is it?']);
  assert.deepEqual(greeted('zh-TW', 'en'), ['Shop', undefined, 'Where is it?']);
});
