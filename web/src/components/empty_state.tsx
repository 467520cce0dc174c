// EmptyState: what a person sees first: a greeting and questions to try; or why none can be asked yet.
import { useEffect, useState } from 'preact/hooks';
import { conversations, earlierOpen, sendText, server, words } from '../app_state.ts';
import { t } from '../i18n/index.ts';
import { Logo } from './icon.tsx';
import { WaitingDots } from './waiting.tsx';

export function EmptyState() {
  const { examples = [], greeting = t('empty.title') } = words.value;
  const { value: loading } = server.loading;
  return (
    <section class="empty" aria-labelledby="empty-title">
      <Logo />
      <h2 id="empty-title" dir="auto">{loading ? t('empty.loading') : greeting}</h2>
      <ServerTrouble />
      {examples.length > 0 && (
        <>
          <p class="empty-examples-title" id="examples-title">{t('empty.examples')}</p>
          <ul class="examples" aria-labelledby="examples-title">
            {examples.map((text) => (
              <li key={text}>
                <button type="button" class="example" dir="auto" onClick={() => sendText(text)}>
                  {text}
                </button>
              </li>
            ))}
          </ul>
        </>
      )}
      <EarlierLink />
    </section>
  );
}

/** Why the server has not said what it is. It is asked again by itself. */
function ServerTrouble() {
  const trouble = server.trouble.value;
  if (!trouble || trouble.kind === 'unauthorized') return null;
  if (server.loading.value) {
    return (
      <div class="server-trouble" role="status">
        <p class="quiet"><WaitingDots /> {t('empty.loadingHint')}</p>
      </div>
    );
  }
  return (
    <div class="server-trouble" role="status">
      <p>{t(`error.${trouble.kind}.title`)}</p>
      {trouble.kind === 'forbidden'
        ? <p class="error-detail">{trouble.detail}</p>
        : <p class="quiet">{t('empty.askedAgain')}</p>}
    </div>
  );
}

function EarlierLink() {
  const [count, setCount] = useState(0);
  const current = conversations.current.value;
  useEffect(() => {
    let stale = false;
    void conversations.earlier().then((found) => { if (!stale) setCount(found.length); });
    return () => { stale = true; };
  }, [current, earlierOpen.value]);
  if (count === 0) return null;
  return (
    <button
      type="button"
      class="link-button earlier-link"
      onClick={() => { earlierOpen.value = true; }}
    >
      {t('earlier.open', { count })}
    </button>
  );
}
