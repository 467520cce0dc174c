// conversation_store: conversations in the browser's IndexedDB, one record for each.
//
// A record is written only over the one that its writer has read (or written) last, in one transaction:
// two tabs never undo each other's work, whatever they do at once.
import { mayReplace, parseRecord, type ConversationRecord } from './conversation_record.ts';

export interface ConversationStore {
  read(id: string): Promise<ConversationRecord | undefined>;
  /** The newest first. */
  all(): Promise<ConversationRecord[]>;
  /** False: somebody else has written it since. Throws when it cannot be kept. */
  write(record: ConversationRecord): Promise<boolean>;
  remove(id: string): Promise<void>;
}

const kDatabase = 'puna';
const kDatabaseVersion = 1;
const kRecords = 'conversations';
// A browser that neither opens nor refuses is known to happen; the page must not wait for it for ever. A
// busy machine may take seconds, and its conversations must not be taken for lost.
const kOpenMsMax = 15_000;

function answerOf<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

function open(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    setTimeout(() => reject(new Error('the browser does not open its storage')), kOpenMsMax);
    const request = indexedDB.open(kDatabase, kDatabaseVersion);
    request.onupgradeneeded = () => {
      request.result.createObjectStore(kRecords, { keyPath: 'id' });
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** Throws where the browser keeps nothing. */
export async function openConversationStore(): Promise<ConversationStore> {
  const database = await open();
  // A newer build in another tab wants to change the form: let it, this tab goes on in memory.
  database.onversionchange = () => database.close();
  const records = (mode: IDBTransactionMode) =>
    database.transaction(kRecords, mode).objectStore(kRecords);
  return {
    async read(id) {
      return parseRecord(await answerOf(records('readonly').get(id)));
    },
    async all() {
      const found = (await answerOf(records('readonly').getAll())).map(parseRecord);
      return found.filter((record) => record !== undefined)
        .sort((a, b) => b.changedAtMs - a.changedAtMs);
    },
    write: (record) => new Promise((resolve, reject) => {
      const store = records('readwrite');
      const { transaction } = store;
      let ours = true;
      transaction.oncomplete = () => resolve(ours);
      transaction.onabort = () => reject(transaction.error);
      const found = store.get(record.id);
      found.onsuccess = () => {
        ours = mayReplace(found.result, record);
        if (ours) store.put(record);
      };
    }),
    async remove(id) {
      await answerOf(records('readwrite').delete(id));
    },
  };
}
