// chat_client: one streamed chat completion over fetch: its events as they come, its failures by kind.
//
// Speaks POST /v1/chat/completions with server-sent events. Every way in which it can go wrong ends in a
// ChatError; an aborted signal ends the generator quietly. Nothing here touches the page.
import { createParser, type EventSourceMessage } from 'eventsource-parser';

export interface ChatMessage {
  role: 'system' | 'user' | 'assistant';
  content: string;
}

export interface ChatRequest {
  messages: ChatMessage[];
  model?: string;
  temperature?: number;
  max_tokens?: number;
  /** The last message is an answer that goes on, as vLLM has it. */
  continue_final_message?: boolean;
  add_generation_prompt?: boolean;
}

export type ChatEvent =
  /** It waits for others: its place among them, and how long that may take when the server knows. */
  | { kind: 'queued'; place: number; seconds?: number }
  | { kind: 'text'; text: string }
  | { kind: 'finish'; reason: string }
  | { kind: 'usage'; promptTokens: number; completionTokens: number };

export type ChatErrorKind =
  | 'offline' // the server cannot be reached
  | 'unauthorized' // a key is missing or wrong
  | 'forbidden' // not from this address, or not by this page
  | 'unavailable' // loading, draining or full: another try may work
  | 'rate_limited' // this key asked too often
  | 'too_long' // the conversation does not fit the model
  | 'refused' // the server found the request wrong
  | 'server' // the server failed
  | 'cut' // the stream ended before the answer did
  | 'interrupted'; // the page was closed while the answer came

export class ChatError extends Error {
  constructor(
    readonly kind: ChatErrorKind,
    readonly detail = '',
    readonly retryAfterSeconds?: number,
    /** The server's own word for it. */
    readonly code?: string,
  ) {
    super(detail || kind);
  }
}

export interface ChatCallOptions {
  key?: string | undefined;
  signal: AbortSignal;
}

interface ServerError {
  message?: unknown;
  code?: unknown;
}

const kDetailCharactersMax = 600;
const kRetryAfterSecondsMax = 300;

/** Yields the answer's events. Throws ChatError; returns early, without throwing, when aborted. */
export async function* streamChat(
  request: ChatRequest,
  { key, signal }: ChatCallOptions,
): AsyncGenerator<ChatEvent> {
  try {
    const body = { ...request, stream: true, stream_options: { include_usage: true } };
    const response = await post('v1/chat/completions', body, { key, signal });
    if (!response.ok) throw await errorOfResponse(response);
    if (!response.body || !isEventStream(response)) {
      throw new ChatError('server', `HTTP ${response.status}, ${contentType(response)}`);
    }
    yield* readEvents(response.body);
  } catch (error) {
    if (signal.aborted) return;
    throw error instanceof ChatError ? error : new ChatError('cut', String(error));
  }
}

/** How many tokens the messages are for the model; undefined when the server does not say. */
export async function countTokens(
  messages: ChatMessage[], { key, signal }: ChatCallOptions,
): Promise<number | undefined> {
  try {
    const response = await post('tokenize', { messages }, { key, signal });
    const count = response.ok ? (await response.json())?.count : undefined;
    return typeof count === 'number' ? count : undefined;
  } catch {
    return undefined;
  }
}

async function post(path: string, body: object, { key, signal }: ChatCallOptions) {
  const headers: Record<string, string> = { 'Content-Type': 'application/json' };
  if (key) headers['Authorization'] = `Bearer ${key}`;
  try {
    // Relative to the page: it may be served below a path prefix.
    return await fetch(path, { method: 'POST', headers, body: JSON.stringify(body), signal });
  } catch (error) {
    throw new ChatError('offline', String(error));
  }
}

async function* readEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<ChatEvent> {
  const reader = body
    .pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>)
    .getReader();
  const come: (EventSourceMessage | string)[] = [];
  const parser = createParser({
    onEvent: (message) => come.push(message),
    onComment: (comment) => come.push(comment),
  });
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) throw new ChatError('cut');
      parser.feed(value);
      for (const one of come.splice(0)) {
        if (typeof one === 'string') {
          yield* eventsOfComment(one);
        } else if (one.data === '[DONE]') {
          return;
        } else {
          yield* eventsOfMessage(one);
        }
      }
    }
  } finally {
    // A reader that stops early must close the connection, or the server goes on generating.
    await reader.cancel().catch(() => undefined);
  }
}

/** "queue position 3, about 12 s": what Puna says while an answer waits. Other comments say nothing. */
function* eventsOfComment(comment: string): Generator<ChatEvent> {
  const [, place, seconds] = /^\s*queue position (\d+)(?:, about (\d+) s)?$/.exec(comment) ?? [];
  if (place === undefined) return;
  const event: ChatEvent = { kind: 'queued', place: Number(place) };
  yield seconds === undefined ? event : { ...event, seconds: Number(seconds) };
}

function* eventsOfMessage(message: EventSourceMessage): Generator<ChatEvent> {
  let chunk: Record<string, any>;
  try {
    chunk = JSON.parse(message.data);
  } catch {
    throw new ChatError('cut', message.data.slice(0, kDetailCharactersMax));
  }
  if (chunk?.['error']) throw new ChatError('server', detailOf(chunk['error']));
  const choice = chunk?.['choices']?.[0];
  const text = choice?.delta?.content;
  if (typeof text === 'string' && text !== '') yield { kind: 'text', text };
  if (typeof choice?.finish_reason === 'string') {
    yield { kind: 'finish', reason: choice.finish_reason };
  }
  const usage = chunk?.['usage'];
  if (usage) {
    yield {
      kind: 'usage',
      promptTokens: Number(usage.prompt_tokens) || 0,
      completionTokens: Number(usage.completion_tokens) || 0,
    };
  }
}

function contentType(response: Response): string {
  return response.headers.get('Content-Type') ?? 'no content type';
}

function isEventStream(response: Response): boolean {
  return contentType(response).toLowerCase().startsWith('text/event-stream');
}

function detailOf(error: ServerError | string): string {
  const text = typeof error === 'string' ? error : error?.message;
  return typeof text === 'string' ? text.slice(0, kDetailCharactersMax) : '';
}

/** The failure behind an HTTP status and its body, which may be an OpenAI error, HTML or nothing. */
export async function errorOfResponse(response: Response): Promise<ChatError> {
  let error: ServerError | string = {};
  try {
    error = (await response.json())?.error ?? {};
  } catch {
    // Not JSON: a proxy's page. Its text would be noise; the status says enough.
  }
  const detail = detailOf(error) || `HTTP ${response.status}`;
  const code = typeof error === 'object' ? error.code : undefined;
  return new ChatError(kindOfStatus(response.status, code), detail, retryAfterOf(response),
    typeof code === 'string' ? code : undefined);
}

function kindOfStatus(status: number, code: unknown): ChatErrorKind {
  if (status === 401) return 'unauthorized';
  if (status === 403) return 'forbidden';
  if (status === 413 || code === 'context_length_exceeded') return 'too_long';
  if (status === 429) return 'rate_limited';
  if (status === 502 || status === 503 || status === 504) return 'unavailable';
  return status >= 500 ? 'server' : 'refused';
}

function retryAfterOf(response: Response): number | undefined {
  const header = response.headers.get('Retry-After');
  const seconds = Number(header);
  if (header === null || !Number.isFinite(seconds)) return undefined;
  return Math.min(Math.max(1, Math.ceil(seconds)), kRetryAfterSecondsMax);
}
