// App: puts the parts together and decides what each button and key does.
import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { ChatError, streamChat, type ChatRequest } from '../chat_client.ts';
import { Conversation, type Announcement } from '../conversation.ts';
import { t } from '../i18n/index.ts';
import { loadPageConfig, pageConfig } from '../page_config.ts';
import { apiKey, setApiKey, settings } from '../settings.ts';
import { lasting } from '../storage.ts';
import type { UserTurn } from '../turns.ts';
import { Composer } from './composer.tsx';
import { EmptyState } from './empty_state.tsx';
import { Header } from './header.tsx';
import { KeyDialog } from './key_dialog.tsx';
import { SettingsDialog } from './settings_dialog.tsx';
import { Transcript } from './transcript.tsx';
import { AnswerTurnView, UserTurnView } from './turn_views.tsx';

const kDraftStoredAs = 'draft';

function requestNow() {
  const { model, systemPrompt } = pageConfig.value;
  const own = settings.value;
  const request: Omit<ChatRequest, 'messages'> = {};
  if (model !== undefined) request.model = model;
  if (own.temperature !== undefined) request.temperature = own.temperature;
  if (own.maxTokens !== undefined) request.max_tokens = own.maxTokens;
  return { request, systemPrompt: own.systemPrompt ?? systemPrompt };
}

const conversation = new Conversation({
  stream: streamChat,
  requestNow,
  key: () => apiKey.value,
  store: lasting,
  nowMs: () => Date.now(),
});

const storedDraft = lasting.read(kDraftStoredAs);
const draft = signal(typeof storedDraft === 'string' ? storedDraft : '');
const draftBeforeEdit = signal('');
const editedTurn = signal<string | undefined>(undefined);
const settingsOpen = signal(false);
const keyWantedByConfig = signal(false);

function keepForLater() {
  conversation.save();
  lasting.write(kDraftStoredAs, editedTurn.value ? draftBeforeEdit.value : draft.value);
}

function send(text: string) {
  const edited = editedTurn.value;
  if (edited === undefined) conversation.send(text);
  else conversation.sendInstead(edited, text);
  draft.value = edited === undefined ? '' : draftBeforeEdit.value;
  editedTurn.value = undefined;
  keepForLater();
}

function edit(turn: UserTurn) {
  if (conversation.running.value) return;
  conversation.cancelRetry();
  if (editedTurn.value === undefined) draftBeforeEdit.value = draft.value;
  editedTurn.value = turn.id;
  draft.value = turn.text;
}

function editLast() {
  const last = conversation.turns.value.findLast((turn) => turn.role === 'user');
  if (last?.role === 'user') edit(last);
}

function cancelEdit() {
  editedTurn.value = undefined;
  draft.value = draftBeforeEdit.value;
}

function newChat() {
  if (editedTurn.value !== undefined) cancelEdit();
  conversation.clear();
  focusComposer();
}

function focusComposer() {
  document.getElementById('message')?.focus();
}

async function loadConfig() {
  try {
    await loadPageConfig(apiKey.value);
    keyWantedByConfig.value = false;
  } catch (error) {
    // Without it the page works with its own defaults; a dead server shows itself on sending.
    if (error instanceof ChatError) keyWantedByConfig.value = error.kind === 'unauthorized';
  }
}

async function useKey(key: string) {
  setApiKey(key);
  const failedForKey = conversation.keyWanted.value;
  conversation.keyWanted.value = false;
  await loadConfig();
  if (!keyWantedByConfig.value && failedForKey) conversation.retry();
  focusComposer();
}

function dismissKeyDialog() {
  conversation.keyWanted.value = false;
  keyWantedByConfig.value = false;
}

function announcementText(announcement: Announcement | undefined): string {
  if (!announcement) return '';
  if (announcement.kind !== 'failed') return t(`status.${announcement.kind}`);
  return t('status.failed', { reason: t(`error.${announcement.error.kind}.title`) });
}

function onKeyDown(event: KeyboardEvent) {
  if (event.key === 'Escape' && !document.querySelector('dialog[open]')) conversation.stop();
  if ((event.ctrlKey || event.metaKey) && event.shiftKey && event.key.toLowerCase() === 'o') {
    event.preventDefault();
    newChat();
  }
}

export function App() {
  useEffect(() => {
    void loadConfig();
    focusComposer();
    document.addEventListener('keydown', onKeyDown);
    addEventListener('pagehide', keepForLater);
    return () => {
      document.removeEventListener('keydown', onKeyDown);
      removeEventListener('pagehide', keepForLater);
    };
  }, []);
  const running = conversation.running.value;
  return (
    <>
      <a class="skip-link" href="#message">{t('skip')}</a>
      <Header onNewChat={newChat} onSettings={() => { settingsOpen.value = true; }} />
      <main class="main">
        <Turns />
        <p class="visually-hidden" role="status">
          {announcementText(conversation.announcement.value)}
        </p>
        {conversation.putAway.value && (
          <p class="undo">
            {t('undo.cleared')}
            <button type="button" class="link-button" onClick={() => conversation.restore()}>
              {t('undo.action')}
            </button>
          </p>
        )}
        <Composer
          draft={draft}
          running={running}
          editing={editedTurn.value !== undefined}
          onSend={send}
          onStop={() => conversation.stop()}
          onCancelEdit={cancelEdit}
          onEditLast={editLast}
        />
      </main>
      <SettingsDialog
        open={settingsOpen.value}
        onClose={() => { settingsOpen.value = false; }}
      />
      <KeyDialog
        open={conversation.keyWanted.value || keyWantedByConfig.value}
        onKey={useKey}
        onClose={dismissKeyDialog}
      />
    </>
  );
}

function Turns() {
  const turns = conversation.turns.value;
  const running = conversation.running.value;
  if (turns.length === 0) return <EmptyState onExample={send} />;
  return (
    <Transcript busy={running} jumpKey={turns}>
      {turns.map((turn, index) => turn.role === 'user' ? (
        <UserTurnView key={turn.id} turn={turn} canEdit={!running} onEdit={edit} />
      ) : (
        <AnswerTurnView
          key={turn.id}
          turn={turn}
          isLast={index === turns.length - 1}
          onRetry={() => { conversation.retry(); focusComposer(); }}
          onCancelRetry={() => conversation.cancelRetry()}
          onEnterKey={() => { conversation.keyWanted.value = true; }}
          onEditLast={editLast}
        />
      ))}
    </Transcript>
  );
}
