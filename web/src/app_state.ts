// app_state: the page's state and what every button and key does to it.
import { computed, effect, signal } from '@preact/signals';
import { countTokens, streamChat, type ChatError } from './chat_client.ts';
import { ChatServer } from './chat_server.ts';
import type { Clock, Conversation } from './conversation.ts';
import { Conversations } from './conversations.ts';
import { openConversationStore } from './conversation_store.ts';
import { languages } from './i18n/index.ts';
import { fetchPageConfig, operatorTexts } from './page_config.ts';
import { apiKey, setApiKey, settings } from './settings.ts';
import { lasting, untilTabCloses } from './storage.ts';
import { browserTabLocks } from './tab_locks.ts';
import { nameOf, type UserTurn } from './turns.ts';

const kDraftStoredAs = 'draft';

const clock: Clock = {
  nowMs: () => Date.now(),
  after: (ms, job) => {
    const timer = setTimeout(job, ms);
    return () => clearTimeout(timer);
  },
};

function newId(): string {
  // Not randomUUID, which is missing where the page came over plain HTTP from another machine.
  const numbers = crypto.getRandomValues(new Uint32Array(3));
  return [...numbers].map((number) => number.toString(36)).join('');
}

export const server = new ChatServer({
  fetchConfig: fetchPageConfig,
  stream: streamChat,
  countTokens,
  settings: () => settings.value,
  key: () => apiKey.value,
  clock,
});

export const conversations = new Conversations({
  ask: (question, aborted) => server.answer(question, aborted),
  clock,
  openStore: openConversationStore,
  lasting,
  untilTabCloses,
  locks: browserTabLocks(),
  newId,
});

/** Title, greeting and examples in the person's language, where the operator has said them. */
export const words = computed(() => operatorTexts(server.config.value, languages.value));

const storedDraft = untilTabCloses.read(kDraftStoredAs) ?? lasting.read(kDraftStoredAs);
export const draft = signal(typeof storedDraft === 'string' ? storedDraft : '');
const draftBeforeEdit = signal('');
export const editedTurn = signal<string | undefined>(undefined);
/** Written while an answer came; sent when it is done. */
export const queued = signal<string | undefined>(undefined);
export const settingsOpen = signal(false);
export const earlierOpen = signal(false);
/** The person has closed the question for a key, until the server asks again. */
const keyDismissed = signal(false);

export const running = computed(() => conversations.current.value?.running.value ?? false);
export const keyWanted = computed(() => !keyDismissed.value && (
  conversations.current.value?.keyWanted.value === true ||
  server.trouble.value?.kind === 'unauthorized'));

/** The text a person would miss: what is being written, and what waits to be sent. */
function draftToKeep(): string {
  const own = editedTurn.value === undefined ? draft.value : draftBeforeEdit.value;
  return [queued.value, own].filter((text) => text !== undefined && text !== '').join('\n\n');
}

function keepDraft() {
  untilTabCloses.write(kDraftStoredAs, draftToKeep());
  lasting.write(kDraftStoredAs, draftToKeep());
}

export function keepForLater() {
  conversations.leaveNote();
  void conversations.flush();
  keepDraft();
}

export function focusComposer() {
  document.getElementById('message')?.focus();
}

/** From the composer: a new message, an edited one, or one that waits for an answer or for the store. */
export function sendDraft() {
  const conversation = conversations.current.value;
  const text = draft.value;
  if (!/\S/.test(text)) return;
  if (!conversation || running.value) {
    queued.value = queued.value === undefined ? text : `${queued.value}\n\n${text}`;
    draft.value = '';
    return;
  }
  const edited = editedTurn.value;
  if (edited === undefined) sendText(text);
  else conversation.sendInstead(edited, text);
  draft.value = edited === undefined ? '' : draftBeforeEdit.value;
  editedTurn.value = undefined;
  keepDraft();
}

/** From an example or the queue: the draft stays. */
export function sendText(text: string) {
  conversations.left.value = undefined;
  conversations.current.value?.send(text);
}

export function unqueue() {
  const text = queued.value;
  if (text === undefined) return;
  queued.value = undefined;
  draft.value = draft.value === '' ? text : `${text}\n\n${draft.value}`;
}

export function edit(turn: UserTurn) {
  if (running.value) return;
  conversations.current.value?.cancelRetry();
  if (editedTurn.value === undefined) draftBeforeEdit.value = draft.value;
  editedTurn.value = turn.id;
  draft.value = turn.text;
}

export function editLast() {
  const last = lastQuestion(conversations.current.value);
  if (last) edit(last);
}

function lastQuestion(conversation: Conversation | undefined): UserTurn | undefined {
  const last = conversation?.turns.value.findLast((turn) => turn.role === 'user');
  return last?.role === 'user' ? last : undefined;
}

export function cancelEdit() {
  if (editedTurn.value === undefined) return;
  editedTurn.value = undefined;
  draft.value = draftBeforeEdit.value;
}

export function newChat(): Conversation {
  cancelEdit();
  unqueue();
  const conversation = conversations.startNew();
  conversation.announcement.value = { kind: 'cleared' };
  focusComposer();
  return conversation;
}

/** Way out of a conversation that is full: it stays as it is, and the question starts another one. */
export function newChatWithLastQuestion() {
  const question = lastQuestion(conversations.current.value);
  if (question) newChat().send(question.text);
}

export async function openEarlier(id: string) {
  earlierOpen.value = false;
  cancelEdit();
  unqueue();
  await conversations.openEarlier(id);
  focusComposer();
}

/** Tries the key; true when the server takes it. */
export async function useKey(key: string, keep: boolean): Promise<boolean> {
  setApiKey(key, keep);
  try {
    await server.ask();
  } catch (error) {
    if ((error as ChatError).kind === 'unauthorized') return false;
  }
  void server.follow();
  const conversation = conversations.current.value;
  if (conversation?.keyWanted.value) conversation.retry();
  focusComposer();
  return true;
}

export function askForKey() {
  keyDismissed.value = false;
  const conversation = conversations.current.value;
  if (conversation) conversation.keyWanted.value = true;
}

export function dismissKeyDialog() {
  keyDismissed.value = true;
  const conversation = conversations.current.value;
  if (conversation) conversation.keyWanted.value = false;
}

function onKeyDown(event: KeyboardEvent) {
  const { dataset } = document.documentElement;
  if (event.key === 'Escape') dataset['tips'] = 'off';
  else delete dataset['tips'];
  if (event.key === 'Escape' && !document.querySelector('dialog[open]')) {
    conversations.current.value?.stop();
  }
  if ((event.ctrlKey || event.metaKey) && event.shiftKey && event.key.toLowerCase() === 'o') {
    event.preventDefault();
    newChat();
  }
}

/** What waits is sent when the answer is done, and given back when it is not. */
function followQueue() {
  effect(() => {
    const conversation = conversations.current.value;
    if (!conversation || running.value || queued.peek() === undefined) return;
    const last = conversation.turns.peek().at(-1);
    const done = last?.role !== 'assistant' || last.state.peek().phase === 'done';
    const text = queued.peek() as string;
    // Not inside the change that has ended the answer.
    queueMicrotask(() => {
      if (!done) {
        unqueue();
        return;
      }
      queued.value = undefined;
      sendText(text);
    });
  });
}

/** Ten tabs are told apart by their questions. */
function followTitle() {
  effect(() => {
    const name = nameOf(conversations.current.value?.turns.value ?? []);
    const title = words.value.title ?? '';
    document.title = name ? `${name} · ${title}` : title;
  });
}

/** Called once, by main. */
export function startApp() {
  followTitle();
  followQueue();
  // A server that asks for a key again, after another one was put in its place.
  effect(() => {
    if (conversations.current.value?.keyWanted.value) keyDismissed.value = false;
  });
  document.addEventListener('keydown', onKeyDown);
  document.addEventListener('pointermove', () => { delete document.documentElement.dataset['tips']; });
  addEventListener('pagehide', keepForLater);
  document.addEventListener('visibilitychange', () => void conversations.flush());
  void server.follow();
  void conversations.start();
}
