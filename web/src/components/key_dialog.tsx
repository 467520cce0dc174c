// KeyDialog: asks for the API key when the server wants one, and says when it was the wrong one.
import { useRef, useState } from 'preact/hooks';
import { dismissKeyDialog, keyWanted, useKey } from '../app_state.ts';
import { t } from '../i18n/index.ts';
import { apiKey, keyIsKept } from '../settings.ts';
import { Dialog } from './dialog.tsx';

export function KeyDialog() {
  return (
    <Dialog open={keyWanted.value} titleId="key-title" kind="middle" onClose={dismissKeyDialog}>
      <KeyForm />
    </Dialog>
  );
}

function KeyForm() {
  const field = useRef<HTMLInputElement>(null);
  const [key, setKey] = useState('');
  const [keep, setKeep] = useState(keyIsKept());
  // A key that worked before may have been replaced on the server.
  const [refused, setRefused] = useState(apiKey.value !== undefined);
  const submit = async (event: Event) => {
    event.preventDefault();
    if (key.trim() === '') return;
    setRefused(false); // said again, it is announced again
    if (await useKey(key.trim(), keep)) return;
    setRefused(true);
    field.current?.select();
    field.current?.focus();
  };
  return (
    <form class="key-form" onSubmit={(event) => void submit(event)}>
      <h2 id="key-title">{t('key.title')}</h2>
      <p class="quiet">{t('key.explain')}</p>
      <div class="field">
        <label class="field-name" for="key">{t('key.label')}</label>
        <input
          id="key"
          ref={field}
          type="password"
          autocomplete="off"
          autofocus
          aria-invalid={refused}
          aria-describedby="key-refused"
          value={key}
          onInput={(event) => setKey(event.currentTarget.value)}
        />
        <p class="field-error" id="key-refused" role="alert">{refused && t('key.refused')}</p>
      </div>
      <label class="check">
        <input
          type="checkbox"
          checked={keep}
          onChange={(event) => setKeep(event.currentTarget.checked)}
        />
        <span>{t('key.keep')}</span>
      </label>
      <div class="dialog-actions">
        <button type="button" class="button" onClick={dismissKeyDialog}>{t('key.cancel')}</button>
        <button type="submit" class="button primary">{t('key.save')}</button>
      </div>
    </form>
  );
}
