// ChatServer: the server behind the page, which may be loading, gone, or another one than a minute ago.
//
// No question goes out before the server has said what it is: its system prompt belongs to every
// question. After a failure it is asked again, because another model may have come in its place.
import { computed, signal } from '@preact/signals';
import {
  ChatError, type ChatCallOptions, type ChatEvent, type ChatMessage, type ChatRequest,
} from './chat_client.ts';
import type { Clock, Question } from './conversation.ts';
import { parsePageConfig, type PageConfig } from './page_config.ts';
import type { Settings } from './settings.ts';
import { messagesOf } from './turns.ts';

export interface ChatServerParts {
  fetchConfig: (key: string | undefined) => Promise<PageConfig>;
  stream: (request: ChatRequest, options: ChatCallOptions) => AsyncIterable<ChatEvent>;
  countTokens: (messages: ChatMessage[], options: ChatCallOptions) => Promise<number | undefined>;
  settings: () => Settings;
  key: () => string | undefined;
  clock: Clock;
}

const kAskAgainSeconds = 2;
const kAskAgainSecondsMax = 30;
/** After these the server may be another one. */
const kUnsettling = new Set(['offline', 'unauthorized', 'unavailable', 'cut', 'server']);

export class ChatServer {
  readonly config = signal<PageConfig>(parsePageConfig({}));
  /** Why the server has not said what it is; undefined while it is asked and once it has. */
  readonly trouble = signal<ChatError | undefined>(undefined);
  readonly loading = computed(() => isLoading(this.trouble.value));

  private known = false;
  private asking: Promise<void> | undefined;
  private following = false;

  constructor(private readonly parts: ChatServerParts) {}

  /** Asks the server what it is. Throws ChatError. */
  async ask(): Promise<void> {
    this.asking ??= this.parts.fetchConfig(this.parts.key()).finally(() => {
      this.asking = undefined;
    }).then((config) => {
      this.config.value = config;
      this.trouble.value = undefined;
      this.known = true;
    }, (error) => {
      this.trouble.value = error;
      throw error;
    });
    await this.asking;
  }

  /** Asks until the server has answered, or wants something that only the person can give. */
  async follow() {
    if (this.following) return;
    this.following = true;
    for (let tries = 0; !this.known; ++tries) {
      try {
        await this.ask();
      } catch (error) {
        const { kind, retryAfterSeconds } = error as ChatError;
        if (kind === 'unauthorized' || kind === 'forbidden') break;
        const growing = Math.min(kAskAgainSeconds * 2 ** tries, kAskAgainSecondsMax);
        await this.pause(retryAfterSeconds ?? growing);
      }
    }
    this.following = false;
  }

  /** The answer to a question. Throws ChatError; ends quietly when aborted. */
  async *answer(question: Question, signal: AbortSignal): AsyncGenerator<ChatEvent> {
    let renewed = false;
    let room: number | undefined;
    for (;;) {
      await this.settled(signal);
      if (signal.aborted) return;
      const request = this.requestFor(question, room);
      const options = { key: this.parts.key(), signal };
      try {
        yield* this.parts.stream(request, options);
        return;
      } catch (error) {
        if (!(error instanceof ChatError)) throw error;
        const otherModel = error.code === 'model_not_found' && !renewed;
        if (kUnsettling.has(error.kind) || otherModel) this.known = false;
        if (otherModel) {
          renewed = true;
        } else if (error.kind === 'too_long' && room === undefined && request.max_tokens) {
          room = await this.roomFor(request.messages, options);
          if (room === undefined) throw error;
        } else if (!isLoading(error)) {
          throw error;
        }
      }
    }
  }

  /** Returns once the server has said what it is; waits while it loads. */
  private async settled(signal: AbortSignal) {
    while (!this.known && !signal.aborted) {
      try {
        await this.ask();
      } catch (error) {
        if (!isLoading(error)) throw error;
        await this.pause((error as ChatError).retryAfterSeconds ?? kAskAgainSeconds, signal);
      }
    }
  }

  private requestFor({ turns, continues }: Question, room: number | undefined): ChatRequest {
    const { model, systemPrompt } = this.config.value;
    const own = this.parts.settings();
    const request: ChatRequest = { messages: messagesOf(own.systemPrompt ?? systemPrompt, turns) };
    if (model !== undefined) request.model = model;
    if (own.temperature !== undefined) request.temperature = own.temperature;
    if (own.maxTokens !== undefined) request.max_tokens = Math.min(own.maxTokens, room ?? Infinity);
    if (continues) {
      request.continue_final_message = true;
      request.add_generation_prompt = false;
    }
    return request;
  }

  /** What an answer may have, when the person asked for more than the model has left. */
  private async roomFor(messages: ChatMessage[], options: ChatCallOptions) {
    const { maxModelLen } = this.config.value;
    const count = await this.parts.countTokens(messages, options);
    const room = maxModelLen === undefined || count === undefined ? 0 : maxModelLen - count;
    return room > 0 ? room : undefined;
  }

  private pause(seconds: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.parts.clock.after(seconds * 1000, resolve);
      signal?.addEventListener('abort', () => {
        cancel();
        resolve();
      }, { once: true });
    });
  }
}

function isLoading(error: unknown): boolean {
  return error instanceof ChatError && error.code === 'loading';
}
