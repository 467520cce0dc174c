// Header: who answers, and what is always at hand: new chat and settings.
import { server, settingsOpen, newChat, words } from '../app_state.ts';
import { t } from '../i18n/index.ts';
import { kNewChatIcon, kSettingsIcon } from '../icons.ts';
import { Icon, Logo } from './icon.tsx';
import { IconButton } from './icon_button.tsx';

const lettersOf = (text: string) => text.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '');

export function Header() {
  const { model } = server.config.value;
  const title = words.value.title ?? '';
  // "support-assistant" below "Support assistant" would only say it twice.
  const saysMore = model !== undefined && lettersOf(model) !== lettersOf(title);
  return (
    <header class="header">
      <Logo />
      <div class="header-names">
        <h1 dir="auto">{title}</h1>
        {saysMore && <p class="header-model">{model}</p>}
      </div>
      <button type="button" class="button header-new" onClick={newChat}>
        <Icon path={kNewChatIcon} />
        <span class="header-new-text">{t('header.newChat')}</span>
      </button>
      <IconButton
        name={t('header.settings')}
        icon={kSettingsIcon}
        onClick={() => { settingsOpen.value = true; }}
      />
    </header>
  );
}
