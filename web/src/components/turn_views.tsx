// Turns as elements: the person's bubble, the model's answer with its numbers and actions.
import { useComputed } from '@preact/signals';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { server } from '../app_state.ts';
import { copyText } from '../copy.ts';
import { formatNumber, t } from '../i18n/index.ts';
import { kCopiedIcon, kCopyIcon, kEditIcon, kRetryIcon } from '../icons.ts';
import { MarkdownStream } from '../markdown/markdown_stream.ts';
import { splitThinking } from '../markdown/thinking.ts';
import {
  failureOf, isRunning, type AnswerStats, type AnswerTurn, type UserTurn,
} from '../turns.ts';
import { ErrorCard, type ErrorActions } from './error_card.tsx';
import { Logo } from './icon.tsx';
import { IconButton } from './icon_button.tsx';
import { WaitingDots } from './waiting.tsx';

const kCopiedShownMs = 2_000;

function CopyButton({ text, name, tip }: {
  text: () => string; name: string; tip: 'above' | 'above-end';
}) {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), kCopiedShownMs);
    return () => clearTimeout(timer);
  }, [copied]);
  return (
    <IconButton
      class="icon-button small"
      tip={tip}
      name={copied ? t('turn.copied') : name}
      icon={copied ? kCopiedIcon : kCopyIcon}
      onClick={async () => setCopied(await copyText(text()))}
    />
  );
}

interface UserTurnProps {
  turn: UserTurn;
  canEdit: boolean;
  /** It is being edited now; it will go when the edited message is sent. */
  edited: boolean;
  replaced: boolean;
  /** No word came back: the model does not see it any more. */
  unanswered: boolean;
  onEdit: (turn: UserTurn) => void;
}

export function UserTurnView(props: UserTurnProps) {
  const { turn, edited } = props;
  const article = useRef<HTMLElement>(null);
  useEffect(() => {
    if (edited) article.current?.scrollIntoView({ block: 'nearest' });
  }, [edited]);
  return (
    <article
      ref={article}
      class={`turn user${edited ? ' edited' : ''}${props.replaced ? ' replaced' : ''}`}
      aria-label={edited ? t('turn.edited') : t('turn.you')}
    >
      <Bubble text={turn.text} />
      {edited && <p class="turn-note">{t('turn.edited')}</p>}
      {props.unanswered && !edited && <p class="turn-note">{t('turn.unanswered')}</p>}
      <div class="actions">
        <CopyButton text={() => turn.text} name={t('turn.copyMessage')} tip="above-end" />
        {props.canEdit && (
          <IconButton
            class="icon-button small"
            tip="above-end"
            name={t('turn.edit')}
            icon={kEditIcon}
            onClick={() => props.onEdit(turn)}
          />
        )}
      </div>
    </article>
  );
}

const kFoldLines = 20;
const kFoldCharacters = 2_000;

/** The beginning of a long text, or undefined for one that is short enough to stand whole. */
function beginningOf(text: string): string | undefined {
  let end = -1;
  for (let line = 0; line < kFoldLines; ++line) {
    end = text.indexOf('\n', end + 1);
    if (end < 0 || end > kFoldCharacters) break;
  }
  const byLines = end < 0 ? text.length : end;
  const cut = Math.min(byLines, kFoldCharacters);
  return text.length - cut > kFoldCharacters / 10 ? text.slice(0, cut) : undefined;
}

/** A long message shows its beginning, or it would push the answer out of sight. */
function Bubble({ text }: { text: string }) {
  const [open, setOpen] = useState(false);
  const beginning = beginningOf(text);
  const folded = beginning !== undefined && !open;
  return (
    <div class="bubble" dir="auto">
      <p class={folded ? 'folded' : ''}>{folded ? `${beginning}…` : text}</p>
      {beginning !== undefined && (
        <button
          type="button"
          class="link-button"
          aria-expanded={open}
          onClick={() => setOpen(!open)}
        >
          {open ? t('turn.fold') : t('turn.unfold', { count: formatNumber(text.length) })}
        </button>
      )}
    </div>
  );
}

interface AnswerTurnProps extends ErrorActions {
  turn: AnswerTurn;
  isLast: boolean;
  replaced: boolean;
  hasEarlier: boolean;
}

function waitingWords({ place, seconds }: { place?: number; seconds?: number | undefined }) {
  if (server.loading.value) return t('turn.loading');
  if (place === undefined) return t('turn.waiting');
  return seconds === undefined
    ? t('turn.queued', { place })
    : t('turn.queuedFor', { place, seconds });
}

export function AnswerTurnView({ turn, isLast, replaced, hasEarlier, ...actions }: AnswerTurnProps) {
  const state = turn.state.value;
  const finished = state.phase === 'done' || state.phase === 'stopped';
  const failure = failureOf(state);
  const empty = useComputed(() => turn.text.value === '').value;
  return (
    <article
      class={`turn answer${replaced ? ' replaced' : ''}`}
      aria-label={t('turn.assistant')}
      aria-busy={isRunning(turn)}
    >
      <Logo />
      <div class="answer-body">
        {state.phase === 'waiting' && (
          <p class="waiting">
            <WaitingDots />
            {waitingWords(state)}
          </p>
        )}
        <Thinking turn={turn} />
        <AnswerText turn={turn} />
        {state.phase === 'done' && empty && <p class="quiet">{t('turn.empty')}</p>}
        {finished && (
          <div class="actions">
            {!empty && (
              <CopyButton text={() => turn.text.value} name={t('turn.copy')} tip="above" />
            )}
            {isLast && (
              <IconButton
                class="icon-button small"
                tip="above"
                name={t('turn.retry')}
                icon={kRetryIcon}
                onClick={actions.onRetry}
              />
            )}
            <Stats stats={state.stats} stopped={state.phase === 'stopped'} />
            {isLast && !empty && isCut(state) && (
              <button type="button" class="link-button" onClick={actions.onContinue}>
                {t('turn.continue')}
              </button>
            )}
          </div>
        )}
        {failure && (
          <ErrorCard
            failure={failure}
            isLast={isLast}
            hasWords={!empty}
            hasEarlier={hasEarlier}
            {...actions}
          />
        )}
      </div>
    </article>
  );
}

function isCut(state: { phase: string; stats: AnswerStats }): boolean {
  return state.phase === 'stopped' || state.stats.finishReason === 'length';
}

/** What a reasoning model says to itself, folded. */
function Thinking({ turn }: { turn: AnswerTurn }) {
  const thinking = useComputed(() => splitThinking(turn.text.value).thinking).value;
  const going = useComputed(() => isRunning(turn) && splitThinking(turn.text.value).answer === '');
  if (thinking === '') return null;
  return (
    <details class="thinking">
      <summary>{going.value ? t('turn.thinking') : t('turn.thought')}</summary>
      <p class="plain" dir="auto">{thinking}</p>
    </details>
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
        ? turn.text.subscribe((text) => stream.update(splitThinking(text).answer))
        : () => {};
      if (!isRunning(turn)) stream.finish(splitThinking(turn.text.peek()).answer);
    });
    return () => {
      unwatch();
      unfollow();
      stream.dispose();
    };
  }, [turn]);
  const streaming = turn.state.value.phase === 'streaming';
  return <div ref={root} class={streaming ? 'prose streaming' : 'prose'} />;
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
