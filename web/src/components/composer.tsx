// Composer: where a person writes. Enter sends, Shift+Enter breaks the line, input methods are safe.
//
// The draft is kept in storage, so that neither a reload nor a failure loses it.
import type { Signal } from '@preact/signals';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { t } from '../i18n/index.ts';
import { kSendIcon, kStopIcon } from '../icons.ts';
import { CompositionGuard } from '../composition_guard.ts';
import { Icon } from './icon.tsx';

interface ComposerProps {
  draft: Signal<string>;
  running: boolean;
  editing: boolean;
  onSend: (text: string) => void;
  onStop: () => void;
  onCancelEdit: () => void;
  onEditLast: () => void;
}

export function Composer(props: ComposerProps) {
  const { draft, running, editing } = props;
  const field = useRef<HTMLTextAreaElement>(null);
  const guard = useRef(new CompositionGuard()).current;
  const text = draft.value;

  useLayoutEffect(() => fitHeight(field.current), [text]);
  useEffect(() => {
    if (editing) field.current?.focus();
  }, [editing]);

  const send = () => {
    if (running || text.trim() === '') return;
    props.onSend(text);
    field.current?.focus();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (guard.isComposing(event)) return;
    if (event.key === 'Enter' && !event.shiftKey && !event.altKey) {
      event.preventDefault();
      send();
    } else if (event.key === 'ArrowUp' && text === '' && !running) {
      event.preventDefault();
      props.onEditLast();
    } else if (event.key === 'Escape' && editing) {
      event.stopPropagation();
      props.onCancelEdit();
    }
  };

  return (
    <form class="composer" onSubmit={(event) => { event.preventDefault(); send(); }}>
      {editing && (
        <p class="composer-editing">
          {t('composer.editing')}
          <button type="button" class="link-button" onClick={props.onCancelEdit}>
            {t('composer.cancelEdit')}
          </button>
        </p>
      )}
      <div class="composer-box">
        <textarea
          id="message"
          ref={field}
          rows={1}
          dir="auto"
          aria-label={t('composer.label')}
          placeholder={t('composer.placeholder')}
          value={text}
          onInput={(event) => { draft.value = event.currentTarget.value; }}
          onKeyDown={onKeyDown}
          onCompositionStart={() => guard.start()}
          onCompositionEnd={() => guard.end()}
        />
        {running ? (
          <button
            type="button"
            class="round-button"
            aria-label={t('composer.stop')}
            onClick={() => { props.onStop(); field.current?.focus(); }}
          >
            <Icon path={kStopIcon} />
          </button>
        ) : (
          <button
            type="submit"
            class="round-button"
            aria-label={t('composer.send')}
            aria-disabled={text.trim() === ''}
          >
            <Icon path={kSendIcon} />
          </button>
        )}
      </div>
      <p class="composer-note">
        <span class="composer-hint">{t('composer.hint')}</span>
        <span>{t('composer.notice')}</span>
      </p>
    </form>
  );
}

/** As high as its text; the style sheet says how high at most. */
function fitHeight(field: HTMLTextAreaElement | null) {
  if (!field) return;
  field.style.height = 'auto';
  field.style.height = `${field.scrollHeight}px`;
}
