// Conversation: the turns, the one running answer, and everything a person can do to them.
//
// At most one answer runs at a time. A failure is a state of its answer. Text that was typed or received
// is never dropped: what an edit or another answer takes the place of is put aside and can be brought
// back. Knows nothing of the page; tests give it a fake server, clock and store.
import { batch, computed, signal } from '@preact/signals';
import { ChatError, type ChatEvent } from './chat_client.ts';
import {
  answerTurn, failureOf, hasWords, isRunning, userTurn, withFailure,
  type AnswerState, type AnswerStats, type AnswerTurn, type Failure, type Turn,
} from './turns.ts';

export interface Question {
  /** They end with the question; or with the answer that is to go on. */
  turns: readonly Turn[];
  continues: boolean;
}

export interface Clock {
  nowMs: () => number;
  /** Runs the job later, unless the function that comes back is called first. */
  after: (ms: number, job: () => void) => () => void;
}

export interface ConversationParts {
  ask: (question: Question, signal: AbortSignal) => AsyncIterable<ChatEvent>;
  /** Called whenever there is something new to keep: for each piece of a text, too. */
  save: (conversation: Conversation) => void;
  clock: Clock;
}

export type Announcement =
  | { kind: 'generating' | 'done' | 'stopped' | 'cleared' }
  | { kind: 'failed'; error: ChatError };

const kAutomaticRetriesMax = 20;
const kRetryable = new Set(['unavailable', 'rate_limited']);

/** What there was before, while another answer is asked for. */
interface Before {
  turns: Turn[];
  /** Put back when no word comes: the question is still the same. */
  returns: boolean;
}

export class Conversation {
  readonly turns = signal<Turn[]>([]);
  /** The turns as they were before the last edit or new answer. */
  readonly replaced = signal<Turn[] | undefined>(undefined);
  readonly running = computed(() => isRunning(this.turns.value.at(-1)));
  /** What a screen reader is told: once at the start and once at the end of an answer. */
  readonly announcement = signal<Announcement | undefined>(undefined);
  /** Set when the server refused for want of a key: the page asks for one. */
  readonly keyWanted = signal(false);

  private before: Before | undefined;
  /** How the answer that goes on had ended, until there is more of it. */
  private endBefore: AnswerState | undefined;
  private abort: AbortController | undefined;
  private dontRetry = () => {};
  private automaticRetries = 0;

  constructor(private readonly parts: ConversationParts, turns: Turn[] = [], replaced?: Turn[]) {
    this.turns.value = turns;
    this.replaced.value = replaced;
  }

  /** The turns as they are to be kept: with what would come back if the page were closed now. */
  kept(): { turns: Turn[]; replaced: Turn[] | undefined } {
    const turns = this.before?.returns ? this.before.turns : this.turns.value;
    return { turns, replaced: this.replaced.value };
  }

  send(text: string) {
    if (this.running.value || text.trim() === '') return;
    // An answer that failed before its first word is not part of the conversation.
    const kept = this.turns.value.filter(
      (turn) => turn.role === 'user' || hasWords(turn) || turn.state.value.phase === 'done');
    this.replaced.value = undefined;
    this.automaticRetries = 0;
    this.answer([...kept, userTurn(text)]);
  }

  /** Replaces the user's turn and everything after it. */
  sendInstead(id: string, text: string) {
    const turns = this.turns.value;
    const index = turns.findIndex((turn) => turn.id === id);
    if (this.running.value || index < 0 || text.trim() === '') return;
    const dropped = turns.slice(index);
    this.automaticRetries = 0;
    const worthKeeping = dropped.length > 2 || dropped.some(hasWords);
    this.answer([...turns.slice(0, index), userTurn(text)],
      worthKeeping ? { turns, returns: false } : undefined);
  }

  /** Asks for the last answer again, failed or not. */
  retry() {
    if (this.running.value) return;
    const turns = this.turns.value;
    const last = turns.at(-1);
    this.answer(last?.role === 'assistant' ? turns.slice(0, -1) : turns,
      hasWords(last) ? { turns, returns: true } : undefined);
  }

  /** Asks for the rest of an answer that was cut. */
  continueLast() {
    const last = this.turns.value.at(-1);
    if (this.running.value || last?.role !== 'assistant' || !hasWords(last)) return;
    this.start(this.turns.value, last);
  }

  /** At once: the text stays as it was seen, the request is closed, the server stops. */
  stop() {
    this.cancelRetry();
    if (this.running.value) this.abort?.abort();
  }

  /** Changes places with what an edit or a new answer had replaced. */
  bringBack() {
    const { value: other } = this.replaced;
    if (this.running.value || !other) return;
    this.cancelRetry();
    batch(() => {
      this.replaced.value = this.turns.value;
      this.turns.value = other;
    });
    this.parts.save(this);
  }

  /** Leaves a failed answer as it is instead of asking again. */
  cancelRetry() {
    this.dontRetry();
    this.automaticRetries = 0;
    const turn = this.turns.value.at(-1);
    if (turn?.role !== 'assistant') return;
    const failure = failureOf(turn.state.value);
    if (failure?.retryAtMs === undefined) return;
    turn.state.value = withFailure(turn.state.value, { error: failure.error });
  }

  private answer(turns: Turn[], before?: Before) {
    if (turns.at(-1)?.role !== 'user') return;
    const turn = answerTurn();
    this.before = before;
    if (before && !before.returns) this.replaced.value = before.turns;
    this.start([...turns, turn], turn);
  }

  /** Runs the last of the turns: a new answer, or one that has words already and goes on. */
  private start(turns: Turn[], turn: AnswerTurn) {
    this.dontRetry();
    const continues = hasWords(turn);
    this.endBefore = continues ? turn.state.value : undefined;
    batch(() => {
      for (const one of turns) {
        if (one.role === 'assistant') one.state.value = withFailure(one.state.value, undefined);
      }
      if (continues) turn.state.value = { phase: 'streaming' };
      this.turns.value = [...turns];
      this.keyWanted.value = false;
      this.announcement.value = { kind: 'generating' };
    });
    this.parts.save(this);
    void this.run(turn, { turns: continues ? turns : turns.slice(0, -1), continues });
  }

  private async run(turn: AnswerTurn, question: Question) {
    const abort = new AbortController();
    this.abort = abort;
    const meter = new Meter(this.parts.clock.nowMs);
    // Not when the stream notices, but when the person does it.
    abort.signal.addEventListener('abort', () => {
      this.end(turn, 'stopped', meter.stats());
    });
    try {
      for await (const event of this.parts.ask(question, abort.signal)) {
        if (abort.signal.aborted) return;
        meter.see(event);
        if (event.kind === 'text') this.take(turn, event.text);
        if (event.kind === 'queued' && turn.state.value.phase === 'waiting') {
          turn.state.value = { phase: 'waiting', place: event.place, seconds: event.seconds };
        }
      }
      if (abort.signal.aborted) return;
      this.automaticRetries = 0;
      this.end(turn, 'done', meter.stats());
    } catch (error) {
      if (abort.signal.aborted) return;
      this.fail(turn, error instanceof ChatError ? error : new ChatError('cut', String(error)));
    }
  }

  private take(turn: AnswerTurn, text: string) {
    if (this.before) {
      this.replaced.value = this.before.turns;
      this.before = undefined;
    }
    this.endBefore = undefined;
    turn.text.value += text;
    if (turn.state.value.phase === 'waiting') turn.state.value = { phase: 'streaming' };
    this.parts.save(this);
  }

  private end(turn: AnswerTurn, phase: 'done' | 'stopped', stats: AnswerStats) {
    batch(() => {
      turn.state.value = this.endBefore ?? { phase, stats };
      // An answer that ended without a word has nothing to put in the place of the one before.
      this.putBack();
      this.announcement.value = { kind: phase };
    });
    this.parts.save(this);
  }

  private fail(turn: AnswerTurn, error: ChatError) {
    const again = kRetryable.has(error.kind) && error.retryAfterSeconds !== undefined &&
      turn.text.value === '' && this.automaticRetries < kAutomaticRetriesMax;
    const waitMs = (error.retryAfterSeconds ?? 0) * 1000;
    const failure: Failure = again
      ? { error, retryAtMs: this.parts.clock.nowMs() + waitMs }
      : { error };
    batch(() => {
      const shown = this.putBack() ?? turn;
      const ended = shown === turn ? this.endBefore : shown.state.value;
      shown.state.value = ended ? withFailure(ended, failure) : { phase: 'failed', ...failure };
      // A countdown that goes on is announced once, not at every round.
      if (this.automaticRetries === 0) this.announcement.value = { kind: 'failed', error };
      this.keyWanted.value = error.kind === 'unauthorized';
    });
    this.parts.save(this);
    if (!again) return;
    this.automaticRetries += 1;
    this.dontRetry = this.parts.clock.after(waitMs, () => this.retry());
  }

  /** The answer that is back in its place, because no word of a new one has come. */
  private putBack(): AnswerTurn | undefined {
    const { before } = this;
    this.before = undefined;
    if (!before?.returns) return undefined;
    this.turns.value = before.turns;
    const last = before.turns.at(-1);
    return last?.role === 'assistant' ? last : undefined;
  }
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
