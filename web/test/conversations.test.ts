// Conversations are kept: over reloads, in two tabs at once, when there is no room, and from older pages.
import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { parseRecord, turnsFromStore } from '../src/conversation_record.ts';
import { Conversations } from '../src/conversations.ts';
import { FakeAnswers, FakeClock, FakeConversationStore, FakeStore, settle } from './fakes.ts';

let clock: FakeClock;
let store: FakeConversationStore;
let lasting: FakeStore;
let held: Map<object, string>;
let ids: number;

beforeEach(() => {
  clock = new FakeClock();
  store = new FakeConversationStore();
  lasting = new FakeStore();
  held = new Map();
  ids = 0;
});

/** One tab of the browser: reload() is the same tab with a new page. */
class Tab {
  readonly untilTabCloses = new FakeStore();
  answers = new FakeAnswers();
  page!: Conversations;

  static async open(openStore?: () => Promise<FakeConversationStore>) {
    const tab = new Tab();
    await tab.reload(openStore);
    return tab;
  }

  async reload(openStore = async () => store) {
    this.answers = new FakeAnswers();
    this.page = new Conversations({
      ask: this.answers.ask,
      clock,
      openStore,
      lasting,
      untilTabCloses: this.untilTabCloses,
      locks: {
        hold: (id) => { held.set(this, id); },
        heldElsewhere: async () => new Set([...held].filter(([tab]) => tab !== this).map(([, id]) => id)),
      },
      newId: () => `id-${++ids}`,
    });
    await this.page.start();
  }

  close() { held.delete(this); }

  get shown() {
    return (this.page.current.value?.turns.value ?? []).map((turn) =>
      turn.role === 'user' ? turn.text : turn.text.value);
  }

  async say(question: string, answer: string) {
    this.page.current.value?.send(question);
    await this.answers.answer(answer);
    await settle();
  }
}

const stored = () => [...store.records.values()].map(({ turns }) => turns.map(({ text }) => text)).sort();

test('a reload shows the same conversation, and a new tab the newest', async () => {
  const tab = await Tab.open();
  await tab.say('a', '1');
  await tab.reload();
  assert.deepEqual(tab.shown, ['a', '1']);
  tab.close();
  assert.deepEqual((await Tab.open()).shown, ['a', '1']);
});

test('what is replaced comes through a reload too', async () => {
  const tab = await Tab.open();
  await tab.say('a', 'first');
  tab.page.current.value?.retry();
  await tab.answers.answer('second');
  await tab.reload();
  assert.deepEqual(tab.shown, ['a', 'second']);
  tab.page.current.value?.bringBack();
  assert.deepEqual(tab.shown, ['a', 'first']);
});

test('an answer that is asked for again is there when the page is closed before a word', async () => {
  const tab = await Tab.open();
  await tab.say('a', 'good');
  tab.page.current.value?.retry();
  await settle();
  await tab.reload();
  assert.deepEqual(tab.shown, ['a', 'good']);
});

describe('two tabs', () => {
  test('a second tab has a conversation of its own, and both are kept', async () => {
    const one = await Tab.open();
    const two = await Tab.open();
    await one.say('in one', '1');
    await two.say('in two', '2');
    await one.say('again in one', '3');
    assert.deepEqual(stored(), [['in one', '1', 'again in one', '3'], ['in two', '2']]);
    const three = await Tab.open();
    assert.deepEqual(three.shown, []);
    assert.deepEqual((await three.page.earlier()).map(({ name }) => name).sort(), ['in one', 'in two']);
  });

  test('that show the same one and write at once lose nothing', async () => {
    const one = await Tab.open();
    await one.say('start', '0');
    held.clear(); // no locks over plain HTTP
    const two = await Tab.open();
    assert.deepEqual(two.shown, ['start', '0']);
    await Promise.all([one.say('in one', '1'), two.say('in two', '2')]);
    assert.deepEqual(stored(), [['start', '0', 'in one', '1'], ['start', '0', 'in two', '2']]);
    await Promise.all([one.say('more', '3'), two.say('more', '4')]);
    assert.equal(store.records.size, 2);
    await one.reload();
    await two.reload();
    assert.deepEqual(one.shown, ['start', '0', 'in one', '1', 'more', '3']);
    assert.deepEqual(two.shown, ['start', '0', 'in two', '2', 'more', '4']);
  });

  test('one may delete what the other goes on with', async () => {
    const one = await Tab.open();
    await one.say('a', '1');
    const two = await Tab.open();
    const [first] = await two.page.earlier();
    await two.page.remove(first?.id ?? '');
    assert.deepEqual(stored(), []);
    await one.say('b', '2');
    assert.deepEqual(stored(), [['a', '1', 'b', '2']]);
  });
});

describe('several conversations', () => {
  test('a new one leaves the last, which can be opened again', async () => {
    const tab = await Tab.open();
    await tab.say('a', '1');
    tab.page.startNew();
    assert.deepEqual(tab.shown, []);
    await tab.page.openEarlier(tab.page.left.value ?? '');
    assert.deepEqual(tab.shown, ['a', '1']);
    assert.equal(tab.page.left.value, undefined);
    tab.page.startNew();
    await tab.say('b', '2');
    assert.deepEqual(stored(), [['a', '1'], ['b', '2']]);
  });

  test('an answer that runs is stopped and kept as far as it came', async () => {
    const tab = await Tab.open();
    tab.page.current.value?.send('a');
    await tab.answers.say('half');
    tab.page.startNew();
    await settle();
    assert.deepEqual(stored(), [['a', 'half']]);
  });

  test('a new one without a word is not kept', async () => {
    const tab = await Tab.open();
    tab.page.startNew();
    tab.page.startNew();
    await tab.page.flush();
    assert.equal(store.records.size, 0);
  });

  test('after a reload a new one is still new', async () => {
    const tab = await Tab.open();
    await tab.say('a', '1');
    tab.page.startNew();
    await tab.reload();
    assert.deepEqual(tab.shown, []);
  });
});

describe('while an answer streams', () => {
  test('it is written now and then, not with every word', async () => {
    const tab = await Tab.open();
    tab.page.current.value?.send('a');
    for (let i = 0; i < 100; ++i) {
      await tab.answers.say('x');
      await clock.pass(50);
    }
    assert.ok(store.writes >= 4 && store.writes <= 8, String(store.writes));
    assert.ok((store.records.values().next().value?.turns[1]?.text.length ?? 0) >= 75);
  });

  test('a page that is closed leaves a note, and the next one adopts it', async () => {
    const tab = await Tab.open();
    tab.page.current.value?.send('a');
    await tab.answers.say('all that came');
    tab.page.leaveNote();
    await tab.reload();
    assert.deepEqual(tab.shown, ['a', 'all that came']);
    assert.equal(store.records.size, 1);
    assert.deepEqual(lasting.names(), []);
  });

  test('a note of a page that came back and went on is no longer of use', async () => {
    const tab = await Tab.open();
    tab.page.current.value?.send('a');
    await tab.answers.say('half');
    tab.page.leaveNote();
    const [name = ''] = lasting.names();
    const note = lasting.read(name);
    await clock.pass(2000);
    await tab.answers.answer(' and the rest');
    await tab.say('b', '2');
    assert.deepEqual(lasting.names(), []);
    lasting.write(name, note);
    await tab.reload();
    assert.deepEqual(stored(), [['a', 'half and the rest', 'b', '2']]);
    assert.deepEqual(lasting.names(), []);
  });

  test('a note that is older than what another tab wrote becomes a conversation of its own', async () => {
    const one = await Tab.open();
    await one.say('a', '1');
    one.page.current.value?.send('b');
    await one.answers.say('half');
    await one.answers.say(' more');
    one.page.leaveNote();
    one.close();
    const [id] = store.records.keys();
    const record = store.records.get(id ?? '');
    if (record) store.records.set(record.id, { ...record, writer: 'another', revision: 99 });
    await Tab.open();
    assert.deepEqual(stored(), [['a', '1', 'b', 'half'], ['a', '1', 'b', 'half more']]);
  });
});

describe('storage', () => {
  test('that is full says so, goes on, and is used again when there is room', async () => {
    const tab = await Tab.open();
    await tab.say('a', '1');
    store.full = true;
    await tab.say('b', '2');
    assert.equal(tab.page.keeping.value, 'failed');
    assert.deepEqual(tab.shown, ['a', '1', 'b', '2']);
    tab.page.startNew();
    await tab.page.openEarlier(tab.page.left.value ?? '');
    assert.deepEqual(tab.shown, ['a', '1', 'b', '2'], 'left without having been written');
    store.full = false;
    await tab.say('c', '3');
    assert.equal(tab.page.keeping.value, 'kept');
    assert.deepEqual(stored(), [['a', '1', 'b', '2', 'c', '3']]);
  });

  test('that is blocked leaves everything in memory', async () => {
    const tab = await Tab.open(async () => { throw new DOMException('no', 'SecurityError'); });
    assert.equal(tab.page.keeping.value, 'blocked');
    await tab.say('a', '1');
    tab.page.startNew();
    await tab.page.openEarlier(tab.page.left.value ?? '');
    assert.deepEqual(tab.shown, ['a', '1']);
    assert.deepEqual(await tab.page.earlier(), []);
  });

  test('of version 1 is taken over once, and not lost when it cannot be', async () => {
    const answer = { role: 'assistant', text: 'yes', phase: 'done', stats: { tokens: 1 } };
    const old = { version: 1, turns: [{ role: 'user', text: 'old' }, answer] };
    lasting.write('conversation', old);
    store.full = true;
    const first = await Tab.open();
    assert.deepEqual(first.shown, ['old', 'yes']);
    assert.deepEqual(lasting.read('conversation'), old);
    store.full = false;
    const tab = await Tab.open();
    assert.deepEqual(tab.shown, ['old', 'yes']);
    assert.equal(lasting.read('conversation'), undefined);
    assert.deepEqual(stored(), [['old', 'yes']]);
  });

  test('of a newer page is left as it is', async () => {
    lasting.write('conversation', { version: 9, everything: 'else' });
    await Tab.open();
    assert.deepEqual(lasting.read('conversation'), { version: 9, everything: 'else' });
    assert.equal(parseRecord({ version: 3, id: 'x', revision: 1, writer: 'w', changedAtMs: 1, turns: [] }), undefined);
  });

  test('of anything else is no conversation', () => {
    for (const wrong of [undefined, null, 3, 'x', {}, [null, 1, {}, { role: 'system', text: 'x' }, { role: 'user' }]]) {
      assert.deepEqual(turnsFromStore(wrong), []);
    }
    const record = { version: 2, id: 'x', revision: 1, writer: 'w', changedAtMs: 1, turns: [] };
    assert.ok(parseRecord(record));
    for (const wrong of [undefined, null, {}, { version: 2 }, { ...record, id: 1 }, { ...record, turns: 'no' }]) {
      assert.equal(parseRecord(wrong), undefined);
    }
  });

  test('a question whose answer never came is one that was interrupted', () => {
    const turns = turnsFromStore([{ role: 'user', text: 'a' }]);
    const state = turns[1]?.role === 'assistant' && turns[1].state.value;
    assert.ok(state && state.phase === 'failed' && state.error.kind === 'interrupted');
  });
});
