// ErrorCard: why there is no answer, what helps, and the buttons that do it. Stands where the answer would.
import { useEffect, useState } from 'preact/hooks';
import type { ChatErrorKind } from '../chat_client.ts';
import { formatNumber, t } from '../i18n/index.ts';
import { kWarningIcon } from '../icons.ts';
import type { Failure } from '../turns.ts';
import { Icon } from './icon.tsx';

export interface ErrorActions {
  onRetry: () => void;
  onCancelRetry: () => void;
  onContinue: () => void;
  onEnterKey: () => void;
  onEditLast: () => void;
  onNewChat: () => void;
}

interface ErrorCardProps extends ErrorActions {
  failure: Failure;
  isLast: boolean;
  /** Words of this answer have come. */
  hasWords: boolean;
  /** Something was said before the question. */
  hasEarlier: boolean;
}

const kTickMs = 250;
/** The server's own words are what helps; elsewhere they are for those who look closer. */
const kDetailInTheOpen = new Set<ChatErrorKind>(['forbidden', 'too_long']);

export function ErrorCard(props: ErrorCardProps) {
  const { kind, detail } = props.failure.error;
  const alone = kind === 'too_long' && !props.hasEarlier;
  return (
    <div class="error-card">
      <Icon path={kWarningIcon} />
      <div>
        <p class="error-title">{t(alone ? 'error.message_too_long.title' : `error.${kind}.title`)}</p>
        <p>{t(adviceOf(props, alone))}</p>
        {detail && (kDetailInTheOpen.has(kind) ? <p class="error-detail" lang="en">{detail}</p> : (
          <details>
            <summary>{t('error.details')}</summary>
            <p class="error-detail" lang="en">{detail}</p>
          </details>
        ))}
        {props.isLast && <Actions {...props} />}
      </div>
    </div>
  );
}

function adviceOf({ failure, hasWords }: ErrorCardProps, alone: boolean) {
  const { kind } = failure.error;
  if (alone) return 'error.message_too_long.advice';
  if (kind === 'interrupted' && hasWords) return 'error.interrupted.adviceWords';
  return `error.${kind}.advice` as const;
}

function Actions(props: ErrorCardProps) {
  const { failure: { error: { kind }, retryAtMs }, hasWords } = props;
  const seconds = useSecondsUntil(retryAtMs);
  const main: [string, () => void] =
    kind === 'unauthorized' ? [t('error.enterKey'), props.onEnterKey]
    : kind === 'too_long' && props.hasEarlier ? [t('error.newChat'), props.onNewChat]
    : kind === 'too_long' ? [t('error.edit'), props.onEditLast]
    : kind === 'interrupted' && hasWords ? [t('error.continue'), props.onContinue]
    : [retryAtMs === undefined ? t('error.retry') : t('error.retryNow'), props.onRetry];
  const others: [string, () => void][] = [];
  if (kind === 'interrupted' && hasWords) others.push([t('error.retry'), props.onRetry]);
  if (retryAtMs !== undefined) others.push([t('error.cancelRetry'), props.onCancelRetry]);
  else if (main[1] !== props.onEditLast) others.push([t('error.edit'), props.onEditLast]);
  return (
    <div class="error-actions">
      {retryAtMs !== undefined && (
        <span class="error-countdown">
          {t('error.retryIn', { seconds: formatNumber(seconds) })}
        </span>
      )}
      <button type="button" class="button primary" onClick={main[1]}>{main[0]}</button>
      {others.map(([name, act]) => (
        <button key={name} type="button" class="button" onClick={act}>{name}</button>
      ))}
    </div>
  );
}

function useSecondsUntil(timeMs: number | undefined): number {
  const [nowMs, setNowMs] = useState(Date.now());
  useEffect(() => {
    if (timeMs === undefined) return;
    const timer = setInterval(() => setNowMs(Date.now()), kTickMs);
    return () => clearInterval(timer);
  }, [timeMs]);
  return timeMs === undefined ? 0 : Math.max(0, Math.ceil((timeMs - nowMs) / 1000));
}
