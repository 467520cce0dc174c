// App: puts the parts of the page together.
import { useEffect } from 'preact/hooks';
import {
  askForKey, conversations, edit, editLast, editedTurn, focusComposer, newChatWithLastQuestion,
  openEarlier, running,
} from '../app_state.ts';
import type { Announcement, Conversation } from '../conversation.ts';
import { copyText } from '../copy.ts';
import { t } from '../i18n/index.ts';
import { hasWords, isAnswered, textOf, type Turn } from '../turns.ts';
import { Composer } from './composer.tsx';
import { EarlierDialog } from './earlier_dialog.tsx';
import { EmptyState } from './empty_state.tsx';
import { Header } from './header.tsx';
import { KeyDialog } from './key_dialog.tsx';
import { SettingsDialog } from './settings_dialog.tsx';
import { Transcript } from './transcript.tsx';
import { AnswerTurnView, UserTurnView } from './turn_views.tsx';

function announcementText(announcement: Announcement | undefined): string {
  if (!announcement) return '';
  if (announcement.kind !== 'failed') return t(`status.${announcement.kind}`);
  return t('status.failed', { reason: t(`error.${announcement.error.kind}.title`) });
}

export function App() {
  useEffect(focusComposer, []);
  const conversation = conversations.current.value;
  return (
    <>
      <a class="skip-link" href="#message">{t('skip')}</a>
      <Header />
      <main class="main">
        {conversation ? <Turns conversation={conversation} /> : <div class="transcript-area" />}
        <p class="visually-hidden" role="status">
          {announcementText(conversation?.announcement.value)}
        </p>
        {conversation && <Undo conversation={conversation} />}
        {conversation && <NotKept conversation={conversation} />}
        <Composer />
      </main>
      <SettingsDialog />
      <EarlierDialog />
      <KeyDialog />
    </>
  );
}

/** What was put away is one click away, until something else is sent. */
function Undo({ conversation }: { conversation: Conversation }) {
  const left = conversations.left.value;
  const replaced = conversation.replaced.value;
  if (left === undefined && (!replaced || running.value)) return null;
  return (
    <p class="undo">
      {left === undefined ? t('undo.replaced') : t('undo.cleared')}
      <button
        type="button"
        class="link-button"
        onClick={() => (left === undefined ? conversation.bringBack() : void openEarlier(left))}
      >
        {t('undo.action')}
      </button>
    </p>
  );
}

function NotKept({ conversation }: { conversation: Conversation }) {
  const keeping = conversations.keeping.value;
  const turns = conversation.turns.value;
  if (keeping === 'kept' || turns.length === 0) return null;
  return (
    <p class="undo" role="status">
      {t(`keeping.${keeping}`)}
      <button type="button" class="link-button" onClick={() => void copyText(textOf(turns))}>
        {t('keeping.copy')}
      </button>
    </p>
  );
}

function Turns({ conversation }: { conversation: Conversation }) {
  const turns = conversation.turns.value;
  if (turns.length === 0) return <EmptyState />;
  const edited = turns.findIndex((turn) => turn.id === editedTurn.value);
  const isReplaced = (index: number) => edited >= 0 && index > edited;
  return (
    <Transcript busy={conversation.running.value} jumpKey={turns}>
      {turns.map((turn, index) => (
        <TurnView
          key={turn.id}
          conversation={conversation}
          turns={turns}
          index={index}
          turn={turn}
          edited={index === edited}
          replaced={isReplaced(index)}
        />
      ))}
    </Transcript>
  );
}

interface TurnViewProps {
  conversation: Conversation;
  turns: readonly Turn[];
  index: number;
  turn: Turn;
  edited: boolean;
  replaced: boolean;
}

function TurnView({ conversation, turns, index, turn, edited, replaced }: TurnViewProps) {
  if (turn.role === 'user') {
    return (
      <UserTurnView
        turn={turn}
        canEdit={!conversation.running.value}
        edited={edited}
        replaced={replaced}
        unanswered={!isAnswered(turns, index)}
        onEdit={edit}
      />
    );
  }
  return (
    <AnswerTurnView
      turn={turn}
      isLast={index === turns.length - 1}
      replaced={replaced}
      hasEarlier={turns.slice(0, index).some(hasWords)}
      onRetry={() => { conversation.retry(); focusComposer(); }}
      onCancelRetry={() => conversation.cancelRetry()}
      onContinue={() => { conversation.continueLast(); focusComposer(); }}
      onEnterKey={askForKey}
      onEditLast={editLast}
      onNewChat={newChatWithLastQuestion}
    />
  );
}
