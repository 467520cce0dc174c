// KeyDialog: asks once for the API key when the server wants one.
import { useState } from 'preact/hooks';
import { t } from '../i18n/index.ts';
import { Dialog } from './dialog.tsx';

interface KeyDialogProps {
  open: boolean;
  onKey: (key: string) => void;
  onClose: () => void;
}

export function KeyDialog({ open, onKey, onClose }: KeyDialogProps) {
  return (
    <Dialog open={open} titleId="key-title" kind="middle" onClose={onClose}>
      <KeyForm onKey={onKey} onClose={onClose} />
    </Dialog>
  );
}

function KeyForm({ onKey, onClose }: Omit<KeyDialogProps, 'open'>) {
  const [key, setKey] = useState('');
  const submit = (event: Event) => {
    event.preventDefault();
    if (key.trim() !== '') onKey(key.trim());
  };
  return (
    <form class="key-form" onSubmit={submit}>
      <h2 id="key-title">{t('key.title')}</h2>
      <p class="quiet">{t('key.explain')}</p>
      <label class="field">
        <span class="field-name">{t('key.label')}</span>
        <input
          type="password"
          autocomplete="off"
          autofocus
          value={key}
          onInput={(event) => setKey(event.currentTarget.value)}
        />
      </label>
      <div class="dialog-actions">
        <button type="button" class="button" onClick={onClose}>{t('key.cancel')}</button>
        <button type="submit" class="button primary">{t('key.save')}</button>
      </div>
    </form>
  );
}
