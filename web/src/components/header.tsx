// Header: who answers, and the three things that are always at hand: new chat, theme, settings.
import { t, type TextKey } from '../i18n/index.ts';
import { kAutoThemeIcon, kMoonIcon, kNewChatIcon, kSettingsIcon, kSunIcon } from '../icons.ts';
import { pageConfig } from '../page_config.ts';
import { changeSettings, settings, type Theme } from '../settings.ts';
import { Icon, Logo } from './icon.tsx';

const kThemes: Record<Theme, { next: Theme; icon: string; name: TextKey }> = {
  auto: { next: 'light', icon: kAutoThemeIcon, name: 'header.theme.auto' },
  light: { next: 'dark', icon: kSunIcon, name: 'header.theme.light' },
  dark: { next: 'auto', icon: kMoonIcon, name: 'header.theme.dark' },
};

interface HeaderActions {
  onNewChat: () => void;
  onSettings: () => void;
}

export function Header({ onNewChat, onSettings }: HeaderActions) {
  const { title, model } = pageConfig.value;
  const theme = kThemes[settings.value.theme];
  return (
    <header class="header">
      <Logo />
      <div class="header-names">
        <h1>{title}</h1>
        {model && <p class="header-model">{model}</p>}
      </div>
      <button type="button" class="button header-new" onClick={onNewChat}>
        <Icon path={kNewChatIcon} />
        <span class="header-new-text">{t('header.newChat')}</span>
      </button>
      <button
        type="button"
        class="icon-button"
        aria-label={t(theme.name)}
        onClick={() => changeSettings({ theme: theme.next })}
      >
        <Icon path={theme.icon} />
      </button>
      <button
        type="button"
        class="icon-button"
        aria-label={t('header.settings')}
        onClick={onSettings}
      >
        <Icon path={kSettingsIcon} />
      </button>
    </header>
  );
}
