// Turns as elements: the person's bubble, the model's answer with its numbers and actions.
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { copyText } from '../copy.ts';
import { formatNumber, t } from '../i18n/index.ts';
import { kCopiedIcon, kCopyIcon, kEditIcon, kRetryIcon } from '../icons.ts';
import { MarkdownStream } from '../markdown/markdown_stream.ts';
import { isRunning, type AnswerStats, type AnswerTurn, type UserTurn } from '../turns.ts';
import { ErrorCard, type ErrorActions } from './error_card.tsx';
import { Icon, Logo } from './icon.tsx';

const kCopiedShownMs = 2_000;

function CopyButton({ text, name }: { text: () => string; name: string }) {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), kCopiedShownMs);
    return () => clearTimeout(timer);
  }, [copied]);
  return (
    <button
      type="button"
      class="icon-button small"
      aria-label={copied ? t('turn.copied') : name}
      onClick={async () => setCopied(await copyText(text()))}
    >
      <Icon path={copied ? kCopiedIcon : kCopyIcon} />
    </button>
  );
}

interface UserTurnProps {
  turn: UserTurn;
  canEdit: boolean;
  onEdit: (turn: UserTurn) => void;
}

export function UserTurnView({ turn, canEdit, onEdit }: UserTurnProps) {
  return (
    <article class="turn user" aria-label={t('turn.you')}>
      <p class="bubble" dir="auto">{turn.text}</p>
      <div class="actions">
        <CopyButton text={() => turn.text} name={t('turn.copyMessage')} />
        {canEdit && (
          <button
            type="button"
            class="icon-button small"
            aria-label={t('turn.edit')}
            onClick={() => onEdit(turn)}
          >
            <Icon path={kEditIcon} />
          </button>
        )}
      </div>
    </article>
  );
}

interface AnswerTurnProps extends ErrorActions {
  turn: AnswerTurn;
  isLast: boolean;
}

export function AnswerTurnView({ turn, isLast, ...actions }: AnswerTurnProps) {
  const state = turn.state.value;
  const finished = state.phase === 'done' || state.phase === 'stopped';
  const empty = turn.text.value === '';
  return (
    <article class="turn answer" aria-label={t('turn.assistant')} aria-busy={isRunning(turn)}>
      <Logo />
      <div class="answer-body">
        {state.phase === 'waiting' && (
          <p class="waiting">
            <span class="waiting-dots" aria-hidden="true"><i /><i /><i /></span>
            {t('turn.waiting')}
          </p>
        )}
        <AnswerText turn={turn} />
        {state.phase === 'done' && empty && <p class="quiet">{t('turn.empty')}</p>}
        {state.phase === 'failed' && (
          <ErrorCard state={state} isLast={isLast} {...actions} />
        )}
        {finished && (
          <div class="actions">
            {!empty && <CopyButton text={() => turn.text.value} name={t('turn.copy')} />}
            {isLast && (
              <button
                type="button"
                class="icon-button small"
                aria-label={t('turn.retry')}
                onClick={actions.onRetry}
              >
                <Icon path={kRetryIcon} />
              </button>
            )}
            <Stats stats={state.stats} stopped={state.phase === 'stopped'} />
          </div>
        )}
      </div>
    </article>
  );
}

/** The markdown of an answer; follows the turn's text without rendering the component again. */
function AnswerText({ turn }: { turn: AnswerTurn }) {
  const root = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const stream = new MarkdownStream(root.current as HTMLElement);
    let unfollow = () => {};
    const unwatch = turn.state.subscribe(() => {
      unfollow();
      unfollow = isRunning(turn)
        ? turn.text.subscribe((text) => stream.update(text))
        : () => {};
      if (!isRunning(turn)) stream.finish(turn.text.peek());
    });
    return () => {
      unwatch();
      unfollow();
      stream.dispose();
    };
  }, [turn]);
  const streaming = turn.state.value.phase === 'streaming';
  return <div ref={root} class={streaming ? 'prose streaming' : 'prose'} dir="auto" />;
}

function Stats({ stats, stopped }: { stats: AnswerStats; stopped: boolean }) {
  const about = (value: string) => (stats.estimated ? t('stats.about', { value }) : value);
  const parts: string[] = [];
  if (stats.tokens !== undefined) {
    parts.push(about(t('stats.tokens', { count: formatNumber(stats.tokens) })));
  }
  if (stats.tokensPerSecond !== undefined) {
    parts.push(t('stats.speed', { speed: formatNumber(stats.tokensPerSecond, 1) }));
  }
  if (stats.firstTokenMs !== undefined) {
    const seconds = formatNumber(stats.firstTokenMs / 1000, 2);
    parts.push(t('stats.firstToken', { seconds }));
  }
  if (stopped) parts.push(t('stats.stopped'));
  if (stats.finishReason === 'length') parts.push(t('stats.length'));
  return (
    <ul class="stats">
      {parts.map((part) => <li key={part}>{part}</li>)}
    </ul>
  );
}
