// What the tests put in the place of clock, server, stores and locks.
import { ChatError, type ChatEvent } from '../src/chat_client.ts';
import type { Clock, Question } from '../src/conversation.ts';
import { mayReplace, type ConversationRecord } from '../src/conversation_record.ts';
import type { ConversationStore } from '../src/conversation_store.ts';
import type { Store } from '../src/storage.ts';

/** Lets everything that waits only for promises run. */
export async function settle() {
  for (let i = 0; i < 50; ++i) await Promise.resolve();
}

export class FakeClock implements Clock {
  private now = 1_000_000;
  private jobs = new Set<{ atMs: number; job: () => void }>();

  readonly nowMs = () => this.now;
  readonly after = (ms: number, job: () => void) => {
    const entry = { atMs: this.now + ms, job };
    this.jobs.add(entry);
    return () => { this.jobs.delete(entry); };
  };

  async pass(ms: number) {
    const end = this.now + ms;
    for (;;) {
      await settle();
      const [next] = [...this.jobs].filter(({ atMs }) => atMs <= end).sort((a, b) => a.atMs - b.atMs);
      if (!next) break;
      this.jobs.delete(next);
      this.now = next.atMs;
      next.job();
    }
    this.now = end;
    await settle();
  }
}

/** Answers word by word, when the test says so. */
export class FakeAnswers {
  readonly questions: Question[] = [];
  readonly signals: AbortSignal[] = [];
  private waiting: ((event: ChatEvent | ChatError | 'end') => void) | undefined;

  readonly ask = (question: Question, signal: AbortSignal) => {
    this.questions.push({ ...question, turns: [...question.turns] });
    this.signals.push(signal);
    return this.events(signal);
  };

  private async *events(signal: AbortSignal): AsyncGenerator<ChatEvent> {
    for (;;) {
      const event = await new Promise<ChatEvent | ChatError | 'end'>((resolve) => {
        this.waiting = resolve;
        signal.addEventListener('abort', () => resolve('end'));
      });
      if (event === 'end') return;
      if (event instanceof ChatError) throw event;
      yield event;
    }
  }

  private async give(event: ChatEvent | ChatError | 'end') {
    await settle();
    this.waiting?.(event);
    await settle();
  }

  say(text: string) { return this.give({ kind: 'text', text }); }
  see(event: ChatEvent) { return this.give(event); }
  end() { return this.give('end'); }
  fail(error: ChatError) { return this.give(error); }

  async answer(text: string) {
    await this.say(text);
    await this.end();
  }
}

export class FakeStore implements Store {
  readonly values = new Map<string, string>();
  blocked = false;

  read(name: string) {
    const text = this.values.get(name);
    return this.blocked || text === undefined ? undefined : JSON.parse(text);
  }
  write(name: string, value: unknown) {
    if (!this.blocked) this.values.set(name, JSON.stringify(value));
    return !this.blocked;
  }
  remove(name: string) { this.values.delete(name); }
  names() { return [...this.values.keys()]; }
}

/** The rule of conversation_store.ts, in memory; its database is tried in the browser tests. */
export class FakeConversationStore implements ConversationStore {
  readonly records = new Map<string, ConversationRecord>();
  full = false;
  writes = 0;

  async read(id: string) { return this.records.get(id); }
  async all() { return [...this.records.values()].sort((a, b) => b.changedAtMs - a.changedAtMs); }
  async write(record: ConversationRecord) {
    if (this.full) throw new DOMException('no room', 'QuotaExceededError');
    this.writes += 1;
    const ours = mayReplace(this.records.get(record.id), record);
    if (ours) this.records.set(record.id, structuredClone(record));
    return ours;
  }
  async remove(id: string) { this.records.delete(id); }
}
