// EmptyState: what a person sees first: a greeting and questions to try.
import { t } from '../i18n/index.ts';
import { pageConfig } from '../page_config.ts';
import { Logo } from './icon.tsx';

export function EmptyState({ onExample }: { onExample: (text: string) => void }) {
  const { examples } = pageConfig.value;
  return (
    <section class="empty" aria-labelledby="empty-title">
      <Logo />
      <h2 id="empty-title">{t('empty.title')}</h2>
      {examples.length > 0 && (
        <>
          <p class="empty-examples-title" id="examples-title">{t('empty.examples')}</p>
          <ul class="examples" aria-labelledby="examples-title">
            {examples.map((text) => (
              <li key={text}>
                <button type="button" class="example" dir="auto" onClick={() => onExample(text)}>
                  {text}
                </button>
              </li>
            ))}
          </ul>
        </>
      )}
    </section>
  );
}
