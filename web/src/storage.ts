// storage: the browser's two stores, which may be blocked, full or hold anything.
//
// Reading never throws and gives undefined for what is not JSON; writing reports whether it worked. The
// page then goes on in memory.

export interface Store {
  read(name: string): unknown;
  write(name: string, value: unknown): boolean;
  remove(name: string): void;
}

const kPrefix = 'puna.';

function browserStore(open: () => Storage): Store {
  return {
    read(name) {
      try {
        const text = open().getItem(kPrefix + name);
        return text === null ? undefined : JSON.parse(text);
      } catch {
        return undefined;
      }
    },
    write(name, value) {
      try {
        open().setItem(kPrefix + name, JSON.stringify(value));
        return true;
      } catch {
        return false;
      }
    },
    remove(name) {
      try {
        open().removeItem(kPrefix + name);
      } catch {
        // Blocked storage holds nothing to remove.
      }
    },
  };
}

/** Kept until the person clears it. */
export const lasting: Store = browserStore(() => window.localStorage);
/** Kept until the tab is closed: for the API key. */
export const untilTabCloses: Store = browserStore(() => window.sessionStorage);
