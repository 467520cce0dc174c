// What the model is shown of a conversation, whatever happened in it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ChatError } from '../src/chat_client.ts';
import {
  answerTurn, failureOf, isAnswered, messagesOf, nameOf, textOf, userTurn, withFailure, type Turn,
} from '../src/turns.ts';

const failed = (text = '') => answerTurn(text, { phase: 'failed', error: new ChatError('cut') });
const done = (text: string) => answerTurn(text, { phase: 'done', stats: {} });
const stopped = (text = '') => answerTurn(text, { phase: 'stopped', stats: {} });
const contents = (turns: Turn[], prompt = '') => messagesOf(prompt, turns).map(({ content }) => content);

test('the system prompt comes first, and none when it is blank', () => {
  assert.deepEqual(messagesOf('Be kind.', [userTurn('a')]), [
    { role: 'system', content: 'Be kind.' }, { role: 'user', content: 'a' },
  ]);
  assert.deepEqual(messagesOf(' \n', [userTurn('a')]), [{ role: 'user', content: 'a' }]);
});

test('user and assistant take turns, whatever failed, was stopped or is empty', () => {
  const pasts: Turn[][] = [
    [], [userTurn('x')], [userTurn('x'), failed()], [userTurn('x'), stopped()], [userTurn('x'), done('')],
    [userTurn('x'), failed('half')], [userTurn('x'), stopped('half')], [userTurn('x'), userTurn('y')],
    [done('no question')], [userTurn('x'), done('a'), done('b')],
  ];
  for (const first of pasts) {
    for (const second of pasts) {
      const messages = messagesOf('', [...first, ...second, userTurn('now')]);
      messages.forEach(({ role, content }, index) => {
        assert.equal(role, index % 2 === 0 ? 'user' : 'assistant');
        assert.notEqual(content, '');
      });
      assert.equal(messages.at(-1)?.content, 'now');
    }
  }
});

test('a question that got no word is left out, and one that got some is not', () => {
  assert.deepEqual(contents([userTurn('x'), userTurn('now')]), ['now']);
  assert.deepEqual(contents([userTurn('x'), failed(), userTurn('now')]), ['now']);
  assert.deepEqual(contents([userTurn('x'), failed('half'), userTurn('now')]), ['x', 'half', 'now']);
});

test('an answer that goes on is the last message', () => {
  assert.deepEqual(contents([userTurn('x'), failed('half')]), ['x', 'half']);
});

test('only questions without a word are marked, and never the last', () => {
  const turns = [userTurn('a'), userTurn('b'), done('yes'), userTurn('c'), failed()];
  assert.deepEqual([0, 1, 3].map((index) => isAnswered(turns, index)), [false, true, true]);
});

test('a failure stands beside an answer that is there, and in the place of one that is not', () => {
  const error = new ChatError('offline');
  const kept = withFailure({ phase: 'done', stats: { tokens: 3 } }, { error });
  assert.deepEqual(kept, { phase: 'done', stats: { tokens: 3 }, again: { error } });
  assert.equal(failureOf(kept)?.error, error);
  assert.equal(failureOf(withFailure(kept, undefined)), undefined);
  assert.deepEqual(withFailure({ phase: 'waiting' }, { error }), { phase: 'waiting' });
});

test('a conversation is called by its first question, in one short line', () => {
  assert.equal(nameOf([]), '');
  assert.equal(nameOf([userTurn('  Where\n is it? '), done('There.')]), 'Where is it?');
  const long = nameOf([userTurn('word '.repeat(100_000))]);
  assert.ok(long.length <= 41 && long.endsWith('word…'), long);
  assert.equal(nameOf([userTurn('👋'.repeat(60))]), `${'👋'.repeat(40)}…`);
});

test('as text, what the person said is marked', () => {
  assert.equal(textOf([userTurn('a\nb'), done('yes'), userTurn('c'), failed()]), '> a\n> b\n\nyes\n\n> c');
});
