// OpenAI's Node client against the real binary: chat, streams, aborts, error classes, retries, models.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import OpenAI from 'openai';
import { kEndlessStep, kEndlessTokens, kPatience, startServer, waitUntil } from './puna_server.mjs';

const kHello = [{ role: 'user', content: 'Hello!' }];

function clientOf(server, options = {}) {
  return new OpenAI({
    baseURL: `${server.url}/v1`, apiKey: 'none', maxRetries: 0, timeout: 60_000 * kPatience, ...options,
  });
}

async function valueOfMetric(server, name) {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  const line = text.split('\n').find((one) => one.startsWith(`${name}{`) || one.startsWith(`${name} `));
  assert.ok(line, `no ${name}`);
  return Number(line.slice(line.lastIndexOf(' ')));
}

describe('a server that answers at once', () => {
  let server;
  let client;
  before(async () => {
    server = await startServer([]);
    client = clientOf(server);
  });
  after(() => server.close());

  test('an answer has its fields', async () => {
    const answer = await client.chat.completions.create({
      model: 'fake', messages: kHello, max_tokens: 8, temperature: 0, ignore_eos: true,
    });
    assert.equal(answer.object, 'chat.completion');
    assert.equal(answer.choices[0].message.role, 'assistant');
    assert.equal(answer.choices[0].message.content.length, 8);
    assert.equal(answer.choices[0].finish_reason, 'length');
    assert.equal(answer.usage.completion_tokens, 8);
  });

  test('a stream says what a whole answer says, and its usage', async () => {
    const asked = { model: 'fake', messages: kHello, max_tokens: 30, seed: 4 };
    const whole = await client.chat.completions.create(asked);
    const stream = await client.chat.completions.create({
      ...asked, stream: true, stream_options: { include_usage: true },
    });
    let text = '';
    let usage;
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta?.content ?? '';
      usage = chunk.usage ?? usage;
    }
    assert.equal(text, whole.choices[0].message.content);
    assert.deepEqual(usage, whole.usage);
  });

  test('the last message goes on, its ids come along, and a wrong name is refused', async () => {
    const messages = [...kHello, { role: 'assistant', content: 'It is a' }];
    const asked = {
      model: 'fake', messages, max_tokens: 4, ignore_eos: true, continue_final_message: true,
      return_token_ids: true, user: 'someone', tools: [],
    };
    const answer = await client.chat.completions.create(asked);
    const prompt = Buffer.from(answer.prompt_token_ids.filter((id) => id < 256)).toString();
    assert.ok(prompt.endsWith('It is a'));
    assert.equal(answer.choices[0].token_ids.length, 4);
    await assert.rejects(
      client.chat.completions.create({ ...asked, continue_last_message: true }),
      (error) => error instanceof OpenAI.BadRequestError &&
        error.param === 'continue_last_message' && /continue_final_message/.test(error.message));
  });

  test("the client's own accumulation of a stream agrees", async () => {
    const asked = { model: 'fake', messages: kHello, max_tokens: 20, seed: 9 };
    const whole = await client.chat.completions.create(asked);
    const final = await client.chat.completions.stream(asked).finalChatCompletion();
    assert.equal(final.choices[0].message.content, whole.choices[0].message.content);
    assert.equal(final.choices[0].finish_reason, whole.choices[0].finish_reason);
  });

  test('completions answer several prompts', async () => {
    const answer = await client.completions.create({
      model: 'fake', prompt: ['one', 'two'], max_tokens: 4, echo: true,
    });
    assert.deepEqual(answer.choices.map((choice) => choice.text.slice(0, 3)), ['one', 'two']);
  });

  test('models are listed and found', async () => {
    const names = [];
    for await (const model of client.models.list()) names.push(model.id);
    assert.deepEqual(names, ['fake']);
    assert.equal((await client.models.retrieve('fake')).id, 'fake');
    await assert.rejects(client.models.retrieve('other'), OpenAI.NotFoundError);
  });

  test('errors have their class, code and param', async () => {
    const bad = client.chat.completions.create({ model: 'fake', messages: kHello, temperature: 9 });
    await assert.rejects(bad, (error) => error instanceof OpenAI.BadRequestError &&
      error.param === 'temperature' && error.type === 'invalid_request_error');
    const long = client.chat.completions.create({
      model: 'fake', messages: [{ role: 'user', content: 'x'.repeat(5000) }], stream: true,
    });
    await assert.rejects(long, (error) => error instanceof OpenAI.BadRequestError &&
      error.code === 'context_length_exceeded');
    const unknown = client.chat.completions.create({ model: 'other', messages: kHello });
    await assert.rejects(unknown, (error) => error instanceof OpenAI.NotFoundError &&
      error.code === 'model_not_found');
  });
});

test('a wrong key is an authentication error', async () => {
  const server = await startServer(['--api-key', 'right']);
  try {
    await assert.rejects(clientOf(server).models.list(), OpenAI.AuthenticationError);
    const right = clientOf(server, { apiKey: 'right' });
    assert.equal((await right.models.list()).data.length, 1);
  } finally {
    await server.close();
  }
});

test('an aborted stream and an aborted wait free their blocks', async () => {
  const server = await startServer(kEndlessStep);
  try {
    const client = clientOf(server);
    const asked = { model: 'fake', messages: kHello, max_tokens: kEndlessTokens, ignore_eos: true };
    const stream = await client.chat.completions.create({ ...asked, stream: true });
    for await (const chunk of stream) {
      if (chunk.choices[0].delta.content) break;  // leaving the loop aborts
    }
    const idle = async () => await valueOfMetric(server, 'puna_kv_blocks_used') === 0;
    await waitUntil(idle, 'the stream is freed');

    const controller = new AbortController();
    const waiting = client.chat.completions.create(asked, { signal: controller.signal });
    await waitUntil(async () => !await idle(), 'the request runs');
    controller.abort();
    await assert.rejects(waiting, OpenAI.APIUserAbortError);
    await waitUntil(idle, 'the request is freed');
  } finally {
    await server.close();
  }
});

test('a full queue is 503, which the client tries again', async () => {
  const server = await startServer([...kEndlessStep, '--max-num-seqs', '1', '--max-num-queued-reqs', '1']);
  try {
    const client = clientOf(server);
    const controller = new AbortController();
    const metricIs = (name, value) => async () => await valueOfMetric(server, name) === value;
    const ask = () => client.chat.completions.create(
      { model: 'fake', messages: kHello, max_tokens: 500, ignore_eos: true }, { signal: controller.signal });
    const first = assert.rejects(ask(), OpenAI.APIUserAbortError);
    await waitUntil(metricIs('vllm:num_requests_running', 1), 'the first runs');
    const second = assert.rejects(ask(), OpenAI.APIUserAbortError);
    await waitUntil(metricIs('vllm:num_requests_waiting', 1), 'the second waits');
    await assert.rejects(ask(), (error) => error instanceof OpenAI.InternalServerError &&
      error.status === 503 && Number(error.headers.get('retry-after')) >= 1);

    const patient = clientOf(server, { maxRetries: 10 }).chat.completions.create(
      { model: 'fake', messages: kHello, max_tokens: 3 });
    await waitUntil(metricIs('vllm:admission_rejections_total', 2), 'another is refused');
    controller.abort();
    await Promise.all([first, second]);
    assert.ok((await patient).choices[0].message);
  } finally {
    await server.close();
  }
});
