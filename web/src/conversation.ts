// Conversation: the turns, the one running answer, and everything a person can do to them.
//
// At most one answer runs at a time. A failure is a state of its answer: text that was typed or received
// is never dropped. Knows nothing of the page; tests give it a fake stream, clock and store.
import { batch, computed, signal } from '@preact/signals';
import {
  ChatError, type ChatCallOptions, type ChatEvent, type ChatRequest,
} from './chat_client.ts';
import type { Store } from './storage.ts';
import {
  answerTurn, isRunning, messagesOf, turnsFromStore, turnsToStore, userTurn,
  type AnswerStats, type AnswerTurn, type Turn,
} from './turns.ts';

export interface ConversationParts {
  stream: (request: ChatRequest, options: ChatCallOptions) => AsyncIterable<ChatEvent>;
  /** The request without messages, and the system prompt, as settings have them now. */
  requestNow: () => { request: Omit<ChatRequest, 'messages'>; systemPrompt: string };
  key: () => string | undefined;
  store: Store;
  nowMs: () => number;
}

export type Announcement =
  | { kind: 'generating' | 'done' | 'stopped' | 'cleared' }
  | { kind: 'failed'; error: ChatError };

const kStoredAs = 'conversation';
const kAutomaticRetriesMax = 20;
const kRetryable = new Set(['unavailable', 'rate_limited']);

export class Conversation {
  readonly turns = signal<Turn[]>([]);
  readonly running = computed(() => isRunning(this.turns.value.at(-1)));
  /** What a screen reader is told: once at the start and once at the end of an answer. */
  readonly announcement = signal<Announcement | undefined>(undefined);
  /** Set when the server refused for want of a key: the page asks for one. */
  readonly keyWanted = signal(false);
  readonly putAway = signal<Turn[] | undefined>(undefined);

  private abort: AbortController | undefined;
  private retryTimer: ReturnType<typeof setTimeout> | undefined;
  private automaticRetries = 0;

  constructor(private readonly parts: ConversationParts) {
    this.turns.value = turnsFromStore(parts.store.read(kStoredAs));
  }

  send(text: string) {
    if (this.running.value || text.trim() === '') return;
    this.putAway.value = undefined;
    // An answer that failed before its first word is not part of the conversation.
    const kept = this.turns.value.filter(
      (turn) => turn.role === 'user' || turn.text.value !== '' || turn.state.value.phase === 'done');
    this.answer([...kept, userTurn(text)]);
  }

  /** Replaces the user's turn and everything after it. */
  sendInstead(id: string, text: string) {
    const index = this.turns.value.findIndex((turn) => turn.id === id);
    if (this.running.value || index < 0 || text.trim() === '') return;
    this.answer([...this.turns.value.slice(0, index), userTurn(text)]);
  }

  /** Asks for the last answer again, failed or not. */
  retry() {
    if (this.running.value) return;
    const turns = this.turns.value;
    const last = turns.at(-1);
    this.answer(last?.role === 'assistant' ? turns.slice(0, -1) : turns);
  }

  /** At once: the text stays as it was seen, the request is closed, the server stops. */
  stop() {
    const turn = this.turns.value.at(-1);
    this.cancelRetry();
    if (isRunning(turn)) this.abort?.abort();
  }

  /** Starts anew; restore() brings the old turns back until something is sent. */
  clear() {
    this.stop();
    batch(() => {
      if (this.turns.value.length > 0) this.putAway.value = this.turns.value;
      this.turns.value = [];
      this.announcement.value = { kind: 'cleared' };
    });
    this.save();
  }

  restore() {
    if (!this.putAway.value || this.turns.value.length > 0) return;
    batch(() => {
      this.turns.value = this.putAway.value ?? [];
      this.putAway.value = undefined;
    });
    this.save();
  }

  /** Leaves a failed answer as it is instead of asking again. */
  cancelRetry() {
    clearTimeout(this.retryTimer);
    this.automaticRetries = 0;
    const turn = this.turns.value.at(-1);
    if (turn?.role !== 'assistant') return;
    const state = turn.state.value;
    if (state.phase === 'failed' && state.retryAtMs !== undefined) {
      turn.state.value = { phase: 'failed', error: state.error };
    }
  }

  save() {
    this.parts.store.write(kStoredAs, turnsToStore(this.turns.value));
  }

  private answer(turns: Turn[]) {
    if (turns.at(-1)?.role !== 'user') return;
    clearTimeout(this.retryTimer);
    const turn = answerTurn();
    batch(() => {
      this.turns.value = [...turns, turn];
      this.keyWanted.value = false;
      this.announcement.value = { kind: 'generating' };
    });
    this.save();
    void this.run(turn, turns);
  }

  private async run(turn: AnswerTurn, before: Turn[]) {
    const abort = new AbortController();
    this.abort = abort;
    const meter = new Meter(this.parts.nowMs);
    const stopped = () => {
      turn.state.value = { phase: 'stopped', stats: meter.stats() };
      this.announcement.value = { kind: 'stopped' };
      this.save();
    };
    // Not when the stream notices, but when the person does it.
    abort.signal.addEventListener('abort', stopped);
    const { request, systemPrompt } = this.parts.requestNow();
    const key = this.parts.key();
    const options = { signal: abort.signal, ...(key === undefined ? {} : { key }) };
    const messages = messagesOf(systemPrompt, before);
    try {
      for await (const event of this.parts.stream({ ...request, messages }, options)) {
        if (abort.signal.aborted) return;
        meter.see(event);
        if (event.kind === 'text') take(turn, event.text);
      }
      if (abort.signal.aborted) return;
      this.automaticRetries = 0;
      turn.state.value = { phase: 'done', stats: meter.stats() };
      this.announcement.value = { kind: 'done' };
    } catch (error) {
      if (abort.signal.aborted) return;
      this.fail(turn, error instanceof ChatError ? error : new ChatError('cut', String(error)));
    }
    this.save();
  }

  private fail(turn: AnswerTurn, error: ChatError) {
    const again = kRetryable.has(error.kind) && error.retryAfterSeconds !== undefined &&
      turn.text.value === '' && this.automaticRetries < kAutomaticRetriesMax;
    const waitMs = (error.retryAfterSeconds ?? 0) * 1000;
    batch(() => {
      turn.state.value = again
        ? { phase: 'failed', error, retryAtMs: this.parts.nowMs() + waitMs }
        : { phase: 'failed', error };
      // A countdown that goes on is announced once, not at every round.
      if (this.automaticRetries === 0) this.announcement.value = { kind: 'failed', error };
      this.keyWanted.value = error.kind === 'unauthorized';
    });
    if (!again) return;
    this.automaticRetries += 1;
    this.retryTimer = setTimeout(() => this.retry(), waitMs);
  }
}

function take(turn: AnswerTurn, text: string) {
  turn.text.value += text;
  if (turn.state.value.phase === 'waiting') turn.state.value = { phase: 'streaming' };
}

/** Speed as the person sees it: from the request to the first word, then words per second. */
class Meter {
  private readonly startMs: number;
  private firstMs: number | undefined;
  private lastMs = 0;
  private chunks = 0;
  private tokens: number | undefined;
  private finishReason: string | undefined;

  constructor(private readonly nowMs: () => number) {
    this.startMs = nowMs();
  }

  see(event: ChatEvent) {
    if (event.kind === 'usage') this.tokens = event.completionTokens;
    if (event.kind === 'finish') this.finishReason = event.reason;
    if (event.kind !== 'text') return;
    this.lastMs = this.nowMs();
    this.firstMs ??= this.lastMs;
    this.chunks += 1;
  }

  stats(): AnswerStats {
    const stats: AnswerStats = {};
    if (this.firstMs === undefined) return stats;
    const tokens = this.tokens ?? this.chunks;
    const seconds = (this.lastMs - this.firstMs) / 1000;
    stats.firstTokenMs = this.firstMs - this.startMs;
    stats.tokens = tokens;
    // The first token's time is the prompt's, so it is not in the rate.
    if (seconds > 0 && tokens > 1) stats.tokensPerSecond = (tokens - 1) / seconds;
    if (this.tokens === undefined) stats.estimated = true;
    if (this.finishReason !== undefined) stats.finishReason = this.finishReason;
    return stats;
  }
}
