// tab_locks: which conversations are open in other tabs, so that a new tab does not open them too.
//
// Only a courtesy: where the browser has no locks (plain HTTP from another machine), tabs may show the
// same conversation, and the one that writes second gets a copy of its own.

const kPrefix = 'puna.conversation.';

export interface TabLocks {
  hold(id: string): void;
  heldElsewhere(): Promise<Set<string>>;
}

export function browserTabLocks(): TabLocks {
  let release = () => {};
  return {
    hold(id) {
      release();
      // Settled by the next hold, or by the browser when the tab is gone.
      const until = new Promise<void>((resolve) => { release = resolve; });
      navigator.locks?.request(kPrefix + id, { mode: 'shared' }, () => until).catch(() => {});
    },
    async heldElsewhere() {
      const { held = [] } = await navigator.locks?.query().catch(() => undefined) ?? {};
      return new Set(held.map(({ name }) => (name ?? '').slice(kPrefix.length)));
    },
  };
}
