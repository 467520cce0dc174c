// Every language has the same words with the same gaps.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { en } from '../src/i18n/en.ts';
import * as zh from '../src/i18n/zh_cn.ts';

const chinese = Object.values(zh)[0] as Record<string, string>;
const english = en as Record<string, string>;
const gaps = (text: string) => (text.match(/\{\w+\}/g) ?? []).sort();

test('the keys are the same', () => {
  assert.deepEqual(Object.keys(chinese).sort(), Object.keys(english).sort());
});

test('the placeholders are the same', () => {
  for (const [key, text] of Object.entries(english)) {
    assert.deepEqual(gaps(chinese[key] ?? ''), gaps(text), key);
  }
});
