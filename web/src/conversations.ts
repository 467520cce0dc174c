// Conversations: which conversation this tab shows, and that all of them are kept.
//
// Each is a record of its own in the store. When another tab has written the same record, this tab's
// conversation becomes a record of its own, so that both are there. Without a store, or when it is full,
// everything goes on in memory, and `keeping` says so.
import { signal } from '@preact/signals';
import { Conversation, type ConversationParts } from './conversation.ts';
import {
  parseRecord, recordOf, recordOfVersion1, turnsFromStore, type ConversationRecord,
} from './conversation_record.ts';
import type { ConversationStore } from './conversation_store.ts';
import type { Store } from './storage.ts';
import type { TabLocks } from './tab_locks.ts';
import { nameOf } from './turns.ts';

/** `blocked`: the browser keeps nothing. `failed`: it did, and no longer does, mostly for want of room. */
export type Keeping = 'kept' | 'failed' | 'blocked';

export interface ConversationSummary {
  id: string;
  name: string;
  changedAtMs: number;
}

export interface ConversationsParts extends Omit<ConversationParts, 'save'> {
  openStore: () => Promise<ConversationStore>;
  lasting: Store;
  untilTabCloses: Store;
  locks: TabLocks;
  newId: () => string;
}

const kStoredAs = 'conversation'; // in sessionStorage: this tab's id; in localStorage: version 1
const kUnsavedPrefix = 'unsaved.';
const kSaveEveryMs = 1_000;

function isStreaming({ turns }: Conversation): boolean {
  const last = turns.value.at(-1);
  return last?.role === 'assistant' && last.state.value.phase === 'streaming';
}

interface Open {
  conversation: Conversation;
  id: string;
  /** Of the record in the store; 0 before the first. */
  revision: number;
  /** Something has changed since the last writing began. */
  changed: boolean;
}

export class Conversations {
  readonly current = signal<Conversation | undefined>(undefined);
  readonly keeping = signal<Keeping>('kept');
  /** The conversation that New chat has left, until something is sent. */
  readonly left = signal<string | undefined>(undefined);

  private readonly writer: string;
  private store: ConversationStore | undefined;
  private open: Open | undefined;
  private leftOpen: Open | undefined;
  private saving: Promise<void> = Promise.resolve();
  private saveTimer: (() => void) | undefined;

  constructor(private readonly parts: ConversationsParts) {
    this.writer = parts.newId();
  }

  /** This tab's conversation after a reload; else the newest that no other tab shows; else a new one. */
  async start() {
    try {
      this.store = await this.parts.openStore();
      await this.adoptOldForms(this.store);
      this.show(await this.firstRecord(this.store));
    } catch {
      this.store = undefined;
      this.keeping.value = 'blocked';
      this.show(recordOfVersion1(this.parts.lasting.read(kStoredAs), this.newFacts()));
    }
  }

  startNew(): Conversation {
    const leaving = this.open;
    leaving?.conversation.stop();
    void this.flush();
    if (leaving && leaving.conversation.turns.value.length > 0) {
      this.leftOpen = leaving;
      this.left.value = leaving.id;
    }
    return this.show(undefined);
  }

  async openEarlier(id: string) {
    this.open?.conversation.stop();
    await this.flush();
    this.left.value = undefined;
    // Perhaps never written: storage may be full.
    if (this.leftOpen?.id === id) this.display(this.leftOpen);
    else this.show(await this.store?.read(id));
  }

  async remove(id: string) {
    await this.store?.remove(id);
    if (this.leftOpen?.id !== id) return;
    this.leftOpen = undefined;
    this.left.value = undefined;
  }

  /** Those of the store, without the one that is shown. */
  async earlier(): Promise<ConversationSummary[]> {
    await this.flush();
    const records = await this.store?.all() ?? [];
    return records.filter(({ id }) => id !== this.open?.id).map(({ id, turns, changedAtMs }) =>
      ({ id, name: nameOf(turnsFromStore(turns)), changedAtMs }));
  }

  /** Writes now what is not written yet. */
  flush(): Promise<void> {
    this.saveTimer?.();
    this.saveTimer = undefined;
    const { open, store } = this;
    if (open?.changed) {
      open.changed = false;
      this.saving = this.saving.then(() => (store ? this.write(open, store) : undefined));
    }
    return this.saving;
  }

  /** The page goes away, perhaps before a database has answered: leaves a note for the next start. */
  leaveNote() {
    const { open } = this;
    if (!open || (!open.changed && !open.conversation.running.value)) return;
    this.parts.lasting.write(kUnsavedPrefix + open.id, this.recordOf(open));
  }

  private show(record: ConversationRecord | undefined): Conversation {
    const conversation = new Conversation(
      { ask: this.parts.ask, clock: this.parts.clock, save: (one) => this.onChange(one) },
      turnsFromStore(record?.turns),
      record?.replaced ? turnsFromStore(record.replaced) : undefined);
    const id = record?.id ?? this.parts.newId();
    this.display({ conversation, id, revision: record?.revision ?? 0, changed: false });
    return conversation;
  }

  private display(open: Open) {
    this.open = open;
    this.rememberId(open.id);
    this.current.value = open.conversation;
  }

  private rememberId(id: string) {
    this.parts.untilTabCloses.write(kStoredAs, id);
    this.parts.locks.hold(id);
  }

  private onChange(conversation: Conversation) {
    const { open } = this;
    if (open?.conversation !== conversation) return;
    open.changed = true;
    // The question at once, and what comes of the answer now and then.
    if (this.saveTimer && isStreaming(conversation)) return;
    void this.flush();
    if (!isStreaming(conversation)) return;
    this.saveTimer = this.parts.clock.after(kSaveEveryMs, () => {
      this.saveTimer = undefined;
      if (open.changed) this.onChange(conversation);
    });
  }

  private recordOf({ conversation, id, revision }: Open): ConversationRecord {
    return recordOf({ ...this.newFacts(), id, revision: revision + 1 }, conversation.kept());
  }

  private newFacts() {
    const { newId, clock } = this.parts;
    return { id: newId(), writer: this.writer, changedAtMs: clock.nowMs() };
  }

  private async write(open: Open, store: ConversationStore) {
    try {
      if (!(await store.write(this.recordOf(open)))) {
        // Another tab has gone on with this record: what is here becomes one of its own.
        open.id = this.parts.newId();
        open.revision = 0;
        if (this.open === open) this.rememberId(open.id);
        await store.write(this.recordOf(open));
      }
      open.revision += 1;
      this.keeping.value = 'kept';
      this.parts.lasting.remove(kUnsavedPrefix + open.id);
    } catch {
      open.changed = true;
      this.keeping.value = 'failed';
    }
  }

  private async firstRecord(store: ConversationStore): Promise<ConversationRecord | undefined> {
    const id = this.parts.untilTabCloses.read(kStoredAs);
    if (typeof id === 'string') return await store.read(id);
    const elsewhere = await this.parts.locks.heldElsewhere();
    return (await store.all()).find((record) => !elsewhere.has(record.id));
  }

  /** Notes of pages that were closed, and the one conversation of version 1, become records. */
  private async adoptOldForms(store: ConversationStore) {
    const { lasting, newId } = this.parts;
    const adopt = async (name: string, record: ConversationRecord | undefined) => {
      if (!record) return;
      const stored = await store.read(record.id);
      const outdated = stored?.writer === record.writer && stored.revision > record.revision;
      const kept = outdated || await store.write(record) ||
        await store.write({ ...record, id: newId(), revision: 1 });
      if (kept) lasting.remove(name);
    };
    for (const name of lasting.names().filter((one) => one.startsWith(kUnsavedPrefix))) {
      await adopt(name, parseRecord(lasting.read(name)));
    }
    await adopt(kStoredAs, recordOfVersion1(lasting.read(kStoredAs), this.newFacts()));
  }
}
