// Composer: where a person writes. Enter sends, Shift+Enter breaks the line, input methods are safe.
//
// The draft is kept in storage, so that neither a reload nor a failure loses it.
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import {
  cancelEdit, conversations, draft, editLast, editedTurn, queued, running, sendDraft, unqueue,
} from '../app_state.ts';
import { t } from '../i18n/index.ts';
import { kSendIcon, kStopIcon } from '../icons.ts';
import { CompositionGuard } from '../composition_guard.ts';
import { directionOf } from '../markdown/direction.ts';
import { IconButton } from './icon_button.tsx';

export function Composer() {
  const field = useRef<HTMLTextAreaElement>(null);
  const guard = useRef(new CompositionGuard()).current;
  const text = draft.value;
  const editing = editedTurn.value !== undefined;

  useLayoutEffect(() => fitHeight(field.current), [text]);
  useEffect(() => {
    if (editing) field.current?.focus();
  }, [editing]);

  const send = () => {
    sendDraft();
    field.current?.focus();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (guard.isComposing(event)) return;
    if (event.key === 'Enter' && !event.shiftKey && !event.altKey) {
      event.preventDefault();
      send();
    } else if (event.key === 'ArrowUp' && text === '' && !running.value) {
      event.preventDefault();
      editLast();
    } else if (event.key === 'Escape' && editing) {
      event.stopPropagation();
      cancelEdit();
    }
  };

  return (
    <form class="composer" onSubmit={(event) => { event.preventDefault(); send(); }}>
      {editing && (
        <Notice text={t('composer.editing')} action={t('composer.cancelEdit')} onAction={cancelEdit} />
      )}
      {queued.value !== undefined && (
        <Notice
          text={t('composer.queued')}
          quote={queued.value}
          action={t('composer.unqueue')}
          onAction={() => { unqueue(); field.current?.focus(); }}
        />
      )}
      <div class="composer-box">
        <textarea
          id="message"
          ref={field}
          rows={1}
          dir={text.length > kLongCharacters ? directionOf(text) : 'auto'}
          aria-label={t('composer.label')}
          placeholder={t('composer.placeholder')}
          value={text}
          onInput={(event) => { draft.value = event.currentTarget.value; }}
          onKeyDown={onKeyDown}
          onCompositionStart={() => guard.start()}
          onCompositionEnd={() => guard.end()}
        />
        {/* Two elements, or the click that stops would submit the form that it is in by then. */}
        {running.value ? (
          <IconButton
            key="stop"
            class="round-button"
            tip="above-end"
            name={t('composer.stop')}
            icon={kStopIcon}
            filled
            onClick={() => { conversations.current.value?.stop(); field.current?.focus(); }}
          />
        ) : (
          <IconButton
            key="send"
            class="round-button"
            tip="above-end"
            type="submit"
            name={t('composer.send')}
            icon={kSendIcon}
            disabled={!/\S/.test(text)}
          />
        )}
      </div>
      <p class="composer-note">
        <span class="composer-hint">{t('composer.hint')}</span>
        <span>{t('composer.notice')}</span>
      </p>
    </form>
  );
}

const kQuoteCharactersMax = 80;

interface NoticeProps {
  text: string;
  quote?: string;
  action: string;
  onAction: () => void;
}

function Notice({ text, quote, action, onAction }: NoticeProps) {
  return (
    <p class="composer-editing" role="status">
      {text}
      {quote !== undefined && <q dir="auto">{quote.slice(0, kQuoteCharactersMax)}</q>}
      <button type="button" class="link-button" onClick={onAction}>{action}</button>
    </p>
  );
}

// Longer texts fill the box anyway. At every key the browser would read 200 kB for their height, and again
// for dir="auto", which takes several times as long.
const kLongCharacters = 5_000;

/** As high as its text; the style sheet says how high at most. */
function fitHeight(field: HTMLTextAreaElement | null) {
  if (!field) return;
  if (field.value.length > kLongCharacters) {
    field.style.height = '100vh';
    return;
  }
  field.style.height = 'auto';
  field.style.height = `${field.scrollHeight}px`;
}
