// A server that loads, goes, comes back as another one, and does not do what was asked.
import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { ChatError, type ChatEvent, type ChatRequest } from '../src/chat_client.ts';
import { ChatServer } from '../src/chat_server.ts';
import { parsePageConfig, type PageConfig } from '../src/page_config.ts';
import type { Settings } from '../src/settings.ts';
import { answerTurn, userTurn, type Turn } from '../src/turns.ts';
import { FakeClock, settle } from './fakes.ts';

const loading = () => new ChatError('unavailable', 'the model is loading', 2, 'loading');
const config = (more: object = {}) => parsePageConfig({ model: 'a', system_prompt: 'Be a shop.', max_model_len: 256, ...more });

let clock: FakeClock;
/** What the server says to each question about itself; the last for ever. */
let configs: (PageConfig | ChatError)[];
let refusals: ChatError[];
let requests: ChatRequest[];
let configRequests: number;
let settings: Settings;
let tokens: number | undefined;
let server: ChatServer;

beforeEach(() => {
  clock = new FakeClock();
  configs = [config()];
  refusals = [];
  requests = [];
  configRequests = 0;
  settings = { theme: 'auto' };
  tokens = undefined;
  server = new ChatServer({
    fetchConfig: async () => {
      configRequests += 1;
      const next = (configs.length > 1 ? configs.shift() : configs[0]) as PageConfig | ChatError;
      if (next instanceof ChatError) throw next;
      return next;
    },
    async *stream(request): AsyncGenerator<ChatEvent> {
      requests.push(request);
      const refusal = refusals.shift();
      if (refusal) throw refusal;
      yield { kind: 'text', text: 'yes' };
    },
    countTokens: async () => tokens,
    settings: () => settings,
    key: () => undefined,
    clock,
  });
});

/** The answer's text or the kind of its failure, once it is there. */
function ask(turns: Turn[] = [userTurn('hi')], continues = false, signal = new AbortController().signal) {
  const outcome = { text: undefined as string | undefined, error: undefined as ChatError | undefined };
  void (async () => {
    let text = '';
    try {
      for await (const event of server.answer({ turns, continues }, signal)) if (event.kind === 'text') text += event.text;
      outcome.text = text;
    } catch (error) {
      outcome.error = error as ChatError;
    }
  })();
  return outcome;
}

describe('a server that loads', () => {
  test('gets no question before it has said its system prompt, and then all of them with it', async () => {
    configs = [loading(), loading(), config()];
    const outcome = ask();
    await settle();
    assert.ok(server.loading.value);
    assert.equal(requests.length, 0);
    await clock.pass(4000);
    assert.equal(outcome.text, 'yes');
    assert.ok(!server.loading.value);
    assert.deepEqual(requests[0]?.messages[0], { role: 'system', content: 'Be a shop.' });
  });

  test('is followed until it is there, for minutes', async () => {
    configs = [...Array(90).fill(loading()), config({ title: 'Shop' })];
    void server.follow();
    await clock.pass(179_000);
    assert.equal(server.config.value.title, 'Puna');
    await clock.pass(2000);
    assert.equal(server.config.value.title, 'Shop');
    const { length } = [configRequests];
    await clock.pass(60_000);
    assert.equal(configRequests, 91);
    assert.ok(length);
  });

  test('while a question waits it may be stopped', async () => {
    configs = [loading()];
    const abort = new AbortController();
    const outcome = ask([userTurn('hi')], false, abort.signal);
    await settle();
    abort.abort();
    await clock.pass(60_000);
    assert.deepEqual(outcome, { text: '', error: undefined });
    assert.equal(requests.length, 0);
  });

  test('in the middle of a conversation it is waited for, and asked what it is now', async () => {
    await settle();
    ask();
    await settle();
    configs = [loading(), config({ system_prompt: 'Be another shop.' })];
    refusals = [loading()];
    const outcome = ask();
    await clock.pass(10_000);
    assert.equal(outcome.text, 'yes');
    assert.equal(requests.at(-1)?.messages[0]?.content, 'Be another shop.');
  });
});

describe('a server that is gone', () => {
  test('says so to the question, and is asked what it is when it is back', async () => {
    ask();
    await settle();
    refusals = [new ChatError('offline')];
    const outcome = ask();
    await settle();
    assert.equal(outcome.error?.kind, 'offline');
    configs = [config({ model: 'b' })];
    assert.equal(ask().error, undefined);
    await settle();
    assert.equal(requests.at(-1)?.model, 'b');
  });

  test('before it was ever there is asked less and less often', async () => {
    configs = [new ChatError('offline')];
    void server.follow();
    await clock.pass(120_000);
    assert.ok(configRequests >= 5 && configRequests <= 10, String(configRequests));
    assert.equal(server.trouble.value?.kind, 'offline');
    assert.equal(ask().error, undefined);
    await settle();
    assert.equal(requests.length, 0);
  });

  for (const kind of ['unauthorized', 'forbidden'] as const) {
    test(`is not asked on and on when it says ${kind}`, async () => {
      configs = [new ChatError(kind), config()];
      void server.follow();
      await clock.pass(600_000);
      assert.equal(configRequests, 1);
      await server.ask();
      assert.equal(server.trouble.value, undefined);
    });
  }
});

test('another model in its place is asked, with its own system prompt', async () => {
  ask();
  await settle();
  configs = [config({ model: 'b', system_prompt: 'Be b.' })];
  refusals = [new ChatError('refused', 'no model a', undefined, 'model_not_found')];
  const outcome = ask();
  await settle();
  assert.equal(outcome.text, 'yes');
  assert.equal(requests.at(-1)?.model, 'b');
  assert.equal(requests.at(-1)?.messages[0]?.content, 'Be b.');
});

test('a model that is never found is an error and no loop', async () => {
  refusals = Array.from({ length: 9 }, () => new ChatError('refused', 'no', undefined, 'model_not_found'));
  const outcome = ask();
  await settle();
  assert.equal(outcome.error?.kind, 'refused');
  assert.equal(requests.length, 2);
});

describe('the longest answer', () => {
  const tooLong = () => new ChatError('too_long', 'does not fit', undefined, 'context_length_exceeded');

  test('that the person set is cut to what is left', async () => {
    settings = { theme: 'auto', maxTokens: 20_000 };
    refusals = [tooLong()];
    tokens = 56;
    const outcome = ask();
    await settle();
    assert.equal(outcome.text, 'yes');
    assert.deepEqual(requests.map(({ max_tokens }) => max_tokens), [20_000, 200]);
  });

  test('is no way out when the conversation itself is too long', async () => {
    settings = { theme: 'auto', maxTokens: 20 };
    for (const count of [256, 300, undefined]) {
      tokens = count;
      refusals = [tooLong()];
      const outcome = ask();
      await settle();
      assert.equal(outcome.error?.kind, 'too_long');
    }
  });

  test('is not tried twice when nobody set one', async () => {
    refusals = [tooLong()];
    tokens = 10;
    const outcome = ask();
    await settle();
    assert.equal(outcome.error?.kind, 'too_long');
    assert.equal(requests.length, 1);
  });
});

test('settings and the wish to go on are in the request', async () => {
  settings = { theme: 'auto', temperature: 0.5, maxTokens: 9, systemPrompt: 'Mine.' };
  const half = answerTurn('half', { phase: 'stopped', stats: {} });
  ask([userTurn('hi'), half], true);
  await settle();
  assert.deepEqual(requests[0], {
    model: 'a', temperature: 0.5, max_tokens: 9, continue_final_message: true, add_generation_prompt: false,
    messages: [{ role: 'system', content: 'Mine.' }, { role: 'user', content: 'hi' }, { role: 'assistant', content: 'half' }],
  });
});
