// EarlierDialog: the conversations that are kept in this browser, to go on with or to delete.
import { useEffect, useState } from 'preact/hooks';
import { conversations, earlierOpen, openEarlier } from '../app_state.ts';
import type { ConversationSummary } from '../conversations.ts';
import { formatTime, t } from '../i18n/index.ts';
import { kCloseIcon, kDeleteIcon } from '../icons.ts';
import { Dialog } from './dialog.tsx';
import { IconButton } from './icon_button.tsx';

export function EarlierDialog() {
  const close = () => { earlierOpen.value = false; };
  return (
    <Dialog open={earlierOpen.value} titleId="earlier-title" kind="side" onClose={close}>
      <div class="dialog-head">
        <h2 id="earlier-title">{t('earlier.title')}</h2>
        <IconButton name={t('earlier.close')} icon={kCloseIcon} onClick={close} />
      </div>
      <p class="quiet">{t('earlier.explain')}</p>
      <EarlierList />
    </Dialog>
  );
}

function EarlierList() {
  const [found, setFound] = useState<ConversationSummary[]>([]);
  const read = async () => setFound(await conversations.earlier());
  useEffect(() => { void read(); }, []);
  const remove = async (id: string) => {
    await conversations.remove(id);
    await read();
  };
  return (
    <ul class="earlier">
      {found.map(({ id, name, changedAtMs }) => (
        <li key={id}>
          <button type="button" class="earlier-open" onClick={() => void openEarlier(id)}>
            <span dir="auto">{name}</span>
            <span class="quiet">{formatTime(changedAtMs)}</span>
          </button>
          <IconButton
            name={t('earlier.delete', { name })}
            icon={kDeleteIcon}
            onClick={() => void remove(id)}
          />
        </li>
      ))}
    </ul>
  );
}
