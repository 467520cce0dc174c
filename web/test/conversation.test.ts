// Everything a person can do to a conversation, over a server that answers, fails or is stopped.
import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { ChatError } from '../src/chat_client.ts';
import { Conversation } from '../src/conversation.ts';
import { messagesOf, type AnswerTurn } from '../src/turns.ts';
import { FakeAnswers, FakeClock, settle } from './fakes.ts';

let clock: FakeClock;
let answers: FakeAnswers;
let conversation: Conversation;
let saves: number;
let announced: string[];

beforeEach(() => {
  clock = new FakeClock();
  answers = new FakeAnswers();
  saves = 0;
  announced = [];
  conversation = new Conversation({ ask: answers.ask, clock, save: () => { saves += 1; } });
  conversation.announcement.subscribe((one) => { if (one) announced.push(one.kind); });
});

/** "q: question", "a: answer", with how the answer ended where that is not "done". */
function shown(): string[] {
  return conversation.turns.value.map((turn) => {
    if (turn.role === 'user') return `q: ${turn.text}`;
    const { phase } = turn.state.value;
    return `a: ${turn.text.value}${phase === 'done' ? '' : ` (${phase})`}`;
  });
}

const last = () => conversation.turns.value.at(-1) as AnswerTurn;
const lastState = () => last().state.value;
const asked = () => messagesOf('', answers.questions.at(-1)?.turns ?? []).map(({ content }) => content);
const firstQuestion = () => conversation.turns.value[0]?.id ?? '';
const offline = () => new ChatError('offline');
const busy = (seconds = 2) => new ChatError('unavailable', 'full', seconds);

async function say(question: string, answer: string) {
  conversation.send(question);
  await answers.answer(answer);
}

describe('asking', () => {
  test('an answer that waits for others says its place until its first word', async () => {
    conversation.send('Hello');
    await answers.see({ kind: 'queued', place: 2, seconds: 9 });
    assert.deepEqual(lastState(), { phase: 'waiting', place: 2, seconds: 9 });
    await answers.see({ kind: 'queued', place: 1 });
    assert.deepEqual(lastState(), { phase: 'waiting', place: 1, seconds: undefined });
    await answers.say('Hi');
    assert.equal(lastState().phase, 'streaming');
    await answers.see({ kind: 'queued', place: 1 });
    assert.equal(lastState().phase, 'streaming');
  });

  test('an answer streams, ends with its numbers, and is announced twice', async () => {
    conversation.send('Hello');
    assert.ok(conversation.running.value);
    await clock.pass(250);
    await answers.say('Hi');
    assert.equal(lastState().phase, 'streaming');
    await clock.pass(500);
    await answers.say(' there');
    await answers.see({ kind: 'finish', reason: 'stop' });
    await answers.see({ kind: 'usage', promptTokens: 5, completionTokens: 3 });
    await answers.end();
    assert.deepEqual(shown(), ['q: Hello', 'a: Hi there']);
    assert.deepEqual(lastState(), { phase: 'done', stats: {
      firstTokenMs: 250, tokens: 3, tokensPerSecond: 4, finishReason: 'stop',
    } });
    assert.deepEqual(announced, ['generating', 'done']);
    assert.ok(saves >= 4, 'kept at the start, with each piece and at the end');
  });

  test('nothing is sent while an answer comes, nor when it is blank', async () => {
    conversation.send(' \n');
    assert.deepEqual(shown(), []);
    conversation.send('a');
    conversation.send('b');
    conversation.retry();
    conversation.sendInstead(firstQuestion(), 'c');
    conversation.continueLast();
    assert.deepEqual(shown(), ['q: a', 'a:  (waiting)']);
    assert.equal(answers.questions.length, 1);
  });

  test('stop is at once, closes the request and keeps the text', async () => {
    conversation.send('a');
    await answers.say('half');
    conversation.stop();
    assert.deepEqual(shown(), ['q: a', 'a: half (stopped)']);
    assert.ok(answers.signals[0]?.aborted);
    await answers.say('too late');
    assert.deepEqual(shown(), ['q: a', 'a: half (stopped)']);
    assert.deepEqual(announced, ['generating', 'stopped']);
  });

  test('a question without an answer stays in sight and out of what the model is shown', async () => {
    conversation.send('one');
    await answers.fail(offline());
    conversation.send('two');
    conversation.stop();
    conversation.send('three');
    assert.deepEqual(asked(), ['three']);
    await answers.answer('yes');
    assert.deepEqual(shown(), ['q: one', 'q: two', 'q: three', 'a: yes']);
    conversation.send('four');
    assert.deepEqual(asked(), ['three', 'yes', 'four']);
  });

  test('half an answer is part of the conversation', async () => {
    conversation.send('one');
    await answers.say('half');
    await answers.fail(new ChatError('cut'));
    conversation.send('two');
    assert.deepEqual(asked(), ['one', 'half', 'two']);
  });

  test('a failure is a state of the answer and asks for a key when one is wanted', async () => {
    conversation.send('a');
    await answers.fail(new ChatError('unauthorized'));
    assert.deepEqual(shown(), ['q: a', 'a:  (failed)']);
    assert.ok(conversation.keyWanted.value);
    conversation.retry();
    assert.ok(!conversation.keyWanted.value);
    await answers.answer('yes');
    assert.deepEqual(shown(), ['q: a', 'a: yes']);
  });
});

describe('asking again', () => {
  for (const [how, end] of [
    ['fails', () => answers.fail(offline())],
    ['is stopped', async () => { conversation.stop(); await settle(); }],
    ['ends without a word', () => answers.end()],
  ] as const) {
    test(`a good answer is back when its retry ${how} before a word`, async () => {
      await say('a', 'good');
      conversation.retry();
      assert.deepEqual(shown(), ['q: a', 'a:  (waiting)']);
      assert.deepEqual(conversation.kept().turns.length, 2);
      assert.equal((conversation.kept().turns[1] as AnswerTurn).text.value, 'good');
      await end();
      assert.deepEqual(shown(), ['q: a', 'a: good']);
      assert.equal(conversation.replaced.value, undefined);
      assert.ok(!conversation.running.value);
    });
  }

  test('the failure of the retry is told beside the answer that is back, until something else is asked', async () => {
    await say('a', 'good');
    conversation.retry();
    await answers.fail(offline());
    const state = lastState();
    assert.equal(state.phase === 'done' && state.again?.error.kind, 'offline');
    await say('b', 'fine');
    assert.ok(conversation.turns.value.every((turn) =>
      turn.role === 'user' || !('again' in turn.state.value)));
  });

  test('a cut answer is kept when its retry fails', async () => {
    conversation.send('a');
    await answers.say('half');
    await answers.fail(new ChatError('cut'));
    conversation.retry();
    await answers.fail(offline());
    assert.deepEqual(shown(), ['q: a', 'a: half (failed)']);
    const state = lastState();
    assert.equal(state.phase === 'failed' && state.error.kind, 'offline');
  });

  test('what a new answer has replaced can be brought back, and changes places with it', async () => {
    await say('a', 'first');
    conversation.retry();
    await answers.answer('second');
    assert.deepEqual(shown(), ['q: a', 'a: second']);
    conversation.bringBack();
    assert.deepEqual(shown(), ['q: a', 'a: first']);
    conversation.bringBack();
    assert.deepEqual(shown(), ['q: a', 'a: second']);
  });

  test('an edit of the first question puts everything after it aside', async () => {
    await say('one', '1');
    await say('two', '2');
    await say('three', '3');
    conversation.sendInstead(firstQuestion(), 'other');
    await answers.fail(offline());
    assert.deepEqual(shown(), ['q: other', 'a:  (failed)']);
    conversation.bringBack();
    assert.deepEqual(shown(), ['q: one', 'a: 1', 'q: two', 'a: 2', 'q: three', 'a: 3']);
    conversation.bringBack();
    assert.deepEqual(shown(), ['q: other', 'a:  (failed)']);
  });

  test('an edit of a question without an answer leaves nothing worth bringing back', async () => {
    conversation.send('a');
    await answers.fail(offline());
    conversation.sendInstead(firstQuestion(), 'b');
    await answers.answer('yes');
    assert.equal(conversation.replaced.value, undefined);
  });

  test('the next question ends the offer', async () => {
    await say('a', 'first');
    conversation.retry();
    await answers.answer('second');
    conversation.send('b');
    assert.equal(conversation.replaced.value, undefined);
  });
});

describe('a busy server', () => {
  test('is asked again when it said, and tells of it once', async () => {
    conversation.send('a');
    await answers.fail(busy(3));
    const state = lastState();
    assert.equal(state.phase === 'failed' && state.retryAtMs, clock.nowMs() + 3000);
    await clock.pass(3000);
    await answers.fail(busy(3));
    await clock.pass(3000);
    await answers.answer('at last');
    assert.deepEqual(shown(), ['q: a', 'a: at last']);
    assert.deepEqual(announced.filter((kind) => kind === 'failed').length, 1);
  });

  test('does not take the answer that is asked for again', async () => {
    await say('a', 'good');
    conversation.retry();
    await answers.fail(busy());
    assert.deepEqual(shown(), ['q: a', 'a: good']);
    await clock.pass(2000);
    assert.deepEqual(shown(), ['q: a', 'a:  (waiting)']);
    await answers.answer('better');
    assert.deepEqual(shown(), ['q: a', 'a: better']);
    conversation.bringBack();
    assert.deepEqual(shown(), ['q: a', 'a: good']);
  });

  test('is left alone when the person says so, and after many times', async () => {
    conversation.send('a');
    await answers.fail(busy());
    conversation.cancelRetry();
    await clock.pass(10_000);
    assert.equal(answers.questions.length, 1);
    conversation.retry();
    for (let i = 0; i < 40; ++i) {
      await answers.fail(busy());
      await clock.pass(2000);
    }
    assert.equal(answers.questions.length, 22);
    const state = lastState();
    assert.ok(state.phase === 'failed' && state.retryAtMs === undefined);
  });

  test('is not asked again for an answer that had begun', async () => {
    conversation.send('a');
    await answers.say('half');
    await answers.fail(busy());
    await clock.pass(10_000);
    assert.deepEqual(shown(), ['q: a', 'a: half (failed)']);
  });
});

describe('going on', () => {
  async function cut() {
    conversation.send('a');
    await answers.say('one ');
    conversation.stop();
  }

  test('an answer that was stopped goes on where it was', async () => {
    await cut();
    conversation.continueLast();
    assert.deepEqual(asked(), ['a', 'one ']);
    assert.ok(answers.questions.at(-1)?.continues);
    await answers.answer('two');
    assert.deepEqual(shown(), ['q: a', 'a: one two']);
  });

  test('it ends as it had ended when no more comes', async () => {
    await cut();
    conversation.continueLast();
    await answers.fail(offline());
    const state = lastState();
    assert.ok(state.phase === 'stopped' && state.again?.error.kind === 'offline');
    conversation.continueLast();
    conversation.stop();
    assert.deepEqual(shown(), ['q: a', 'a: one  (stopped)']);
  });

  test('an answer without a word does not', async () => {
    conversation.send('a');
    conversation.stop();
    conversation.continueLast();
    assert.equal(answers.questions.length, 1);
  });
});
