// ErrorCard: why there is no answer, what helps, and the buttons that do it. Stands where the answer would.
import { useEffect, useState } from 'preact/hooks';
import type { ChatError } from '../chat_client.ts';
import { formatNumber, t } from '../i18n/index.ts';
import { kWarningIcon } from '../icons.ts';
import { Icon } from './icon.tsx';

export interface ErrorActions {
  onRetry: () => void;
  onCancelRetry: () => void;
  onEnterKey: () => void;
  onEditLast: () => void;
}

interface ErrorCardProps extends ErrorActions {
  state: { error: ChatError; retryAtMs?: number };
  isLast: boolean;
}

const kTickMs = 250;

export function ErrorCard({ state, isLast, ...actions }: ErrorCardProps) {
  const { error, retryAtMs } = state;
  const seconds = useSecondsUntil(retryAtMs);
  return (
    <div class="error-card">
      <Icon path={kWarningIcon} />
      <div>
        <p class="error-title">{t(`error.${error.kind}.title`)}</p>
        <p>{t(`error.${error.kind}.advice`)}</p>
        {error.detail && (
          <details>
            <summary>{t('error.details')}</summary>
            <p class="error-detail">{error.detail}</p>
          </details>
        )}
        {isLast && (
          <div class="error-actions">
            {retryAtMs !== undefined && (
              <span class="error-countdown">
                {t('error.retryIn', { seconds: formatNumber(seconds) })}
              </span>
            )}
            {error.kind === 'unauthorized' ? (
              <button type="button" class="button primary" onClick={actions.onEnterKey}>
                {t('error.enterKey')}
              </button>
            ) : (
              <button type="button" class="button primary" onClick={actions.onRetry}>
                {retryAtMs === undefined ? t('error.retry') : t('error.retryNow')}
              </button>
            )}
            {retryAtMs === undefined ? (
              <button type="button" class="button" onClick={actions.onEditLast}>
                {t('error.edit')}
              </button>
            ) : (
              <button type="button" class="button" onClick={actions.onCancelRetry}>
                {t('error.cancelRetry')}
              </button>
            )}
          </div>
        )}
      </div>
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
