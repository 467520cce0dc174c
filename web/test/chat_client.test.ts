// Streams of a server that behaves and of one that does not.
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { ChatError, streamChat, type ChatEvent } from '../src/chat_client.ts';

const realFetch = globalThis.fetch;
afterEach(() => { globalThis.fetch = realFetch; });

/** Answers every request with these pieces of a body. */
function serve(pieces: string[], init: ResponseInit = {}) {
  globalThis.fetch = (async () => new Response(new ReadableStream({
    start(controller) {
      for (const piece of pieces) controller.enqueue(new TextEncoder().encode(piece));
      controller.close();
    },
  }), { headers: { 'Content-Type': 'text/event-stream; charset=utf-8' }, ...init })) as typeof fetch;
}

async function collect(): Promise<ChatEvent[]> {
  const events: ChatEvent[] = [];
  const call = streamChat({ messages: [{ role: 'user', content: 'x' }] }, { signal: new AbortController().signal });
  for await (const event of call) events.push(event);
  return events;
}

async function failure(): Promise<ChatError> {
  try {
    await collect();
  } catch (error) {
    assert.ok(error instanceof ChatError);
    return error;
  }
  throw new Error('it did not fail');
}

const delta = (text: string) => `data: {"choices":[{"index":0,"delta":{"content":${JSON.stringify(text)}}}]}\n\n`;
const json = (status: number, body: unknown, headers: Record<string, string> = {}) =>
  serve([JSON.stringify(body)], { status, headers: { 'Content-Type': 'application/json', ...headers } });

test('text, finish and usage come in order, however the bytes are cut', async () => {
  const whole = delta('Grüße ') + delta('👋') +
    'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n' +
    ': ping\n\ndata: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}\n\ndata: [DONE]\n\n';
  const expected = [
    { kind: 'text', text: 'Grüße ' }, { kind: 'text', text: '👋' }, { kind: 'finish', reason: 'stop' },
    { kind: 'usage', promptTokens: 3, completionTokens: 2 },
  ];
  serve([whole]);
  assert.deepEqual(await collect(), expected);
  serve([...whole]);
  assert.deepEqual(await collect(), expected);
});

test('the place in the queue comes with its time, and other comments say nothing', async () => {
  serve([...': queue position 3, about 12 s\n\n: ping\n\n: queue position 1\n\n', delta('a'), 'data: [DONE]\n\n']);
  assert.deepEqual(await collect(), [
    { kind: 'queued', place: 3, seconds: 12 }, { kind: 'queued', place: 1 }, { kind: 'text', text: 'a' }]);
});

test('an end without [DONE] is a cut answer', async () => {
  serve([delta('half')]);
  assert.equal((await failure()).kind, 'cut');
});

test('an error in the middle of the stream says what the server says', async () => {
  serve([delta('a'), 'data: {"error":{"message":"out of order","type":"server_error"}}\n\n']);
  const error = await failure();
  assert.equal(error.kind, 'server');
  assert.equal(error.detail, 'out of order');
});

for (const [status, code, kind] of [
  [401, 'invalid_api_key', 'unauthorized'], [403, 'forbidden_origin', 'forbidden'], [403, null, 'forbidden'],
  [400, 'context_length_exceeded', 'too_long'],
  [413, 'request_too_large', 'too_long'], [429, 'rate_limit_exceeded', 'rate_limited'],
  [503, 'loading', 'unavailable'], [502, null, 'unavailable'], [400, null, 'refused'], [500, null, 'server'],
] as const) {
  test(`HTTP ${status} (${code}) is ${kind}`, async () => {
    json(status, { error: { message: 'why', code } });
    const error = await failure();
    assert.equal(error.kind, kind);
    assert.equal(error.detail, 'why');
  });
}

test('Retry-After is taken over, within reason', async () => {
  json(503, { error: { message: 'full' } }, { 'Retry-After': '7' });
  assert.equal((await failure()).retryAfterSeconds, 7);
  json(503, { error: { message: 'full' } }, { 'Retry-After': '999999' });
  assert.equal((await failure()).retryAfterSeconds, 300);
});

test('an answer that is no event stream is not shown as text', async () => {
  serve(['<html>proxy</html>'], { headers: { 'Content-Type': 'text/html' } });
  assert.equal((await failure()).kind, 'server');
});

test('a server that cannot be reached is offline', async () => {
  globalThis.fetch = (async () => { throw new TypeError('failed'); }) as typeof fetch;
  assert.equal((await failure()).kind, 'offline');
});

test('an aborted stream ends quietly', async () => {
  const controller = new AbortController();
  globalThis.fetch = (async (_: unknown, { signal }: RequestInit) => {
    signal?.throwIfAborted();
    return new Response('');
  }) as typeof fetch;
  controller.abort();
  for await (const _ of streamChat({ messages: [] }, { signal: controller.signal })) assert.fail('an event came');
});
