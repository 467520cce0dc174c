// storage: the browser's two small stores, which may be blocked, full or hold anything.
//
// Reading never throws and gives undefined for what is not JSON; writing reports whether it worked. The
// page then goes on in memory.

export interface Store {
  read(name: string): unknown;
  write(name: string, value: unknown): boolean;
  remove(name: string): void;
  names(): string[];
}

const kPrefix = 'puna.';

function browserStore(open: () => Storage): Store {
  const attempt = <T>(work: (storage: Storage) => T, otherwise: T): T => {
    try {
      return work(open());
    } catch {
      return otherwise;
    }
  };
  return {
    read: (name) => attempt((storage) => {
      const text = storage.getItem(kPrefix + name);
      return text === null ? undefined : JSON.parse(text);
    }, undefined),
    write: (name, value) => attempt((storage) => {
      storage.setItem(kPrefix + name, JSON.stringify(value));
      return true;
    }, false),
    remove: (name) => attempt((storage) => storage.removeItem(kPrefix + name), undefined),
    names: () => attempt((storage) => Object.keys(storage)
      .filter((name) => name.startsWith(kPrefix)).map((name) => name.slice(kPrefix.length)), []),
  };
}

/** Kept until the person clears it. */
export const lasting: Store = browserStore(() => window.localStorage);
/** Kept until the tab is closed. */
export const untilTabCloses: Store = browserStore(() => window.sessionStorage);

/** Calls back when another tab has written the name. */
export function onOtherTabWrites(name: string, changed: () => void) {
  addEventListener('storage', (event) => {
    if (event.key === kPrefix + name) changed();
  });
}
