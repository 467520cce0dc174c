// SettingsDialog: how the model answers and how the page looks. Each value shows the server's own and can
// go back to it.
import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { server, settingsOpen } from '../app_state.ts';
import { formatNumber, kLocales, t, type Locale, type TextKey } from '../i18n/index.ts';
import { kCloseIcon } from '../icons.ts';
import {
  apiKey, changeSettings, kMaxTokensMax, kTemperatureMax, setApiKey, settings, type Theme,
} from '../settings.ts';
import { Dialog } from './dialog.tsx';
import { IconButton } from './icon_button.tsx';

const kThemeTexts: [Theme, TextKey][] = [
  ['auto', 'settings.themeAuto'],
  ['light', 'settings.themeLight'],
  ['dark', 'settings.themeDark'],
];

export function SettingsDialog() {
  const close = () => { settingsOpen.value = false; };
  return (
    <Dialog open={settingsOpen.value} titleId="settings-title" kind="side" onClose={close}>
      <div class="dialog-head">
        <h2 id="settings-title">{t('settings.title')}</h2>
        <IconButton name={t('settings.close')} icon={kCloseIcon} onClick={close} />
      </div>
      <SystemPromptField />
      <TemperatureField />
      <MaxTokensField />
      <hr />
      <ThemeField />
      <LanguageField />
      {apiKey.value !== undefined && (
        <button type="button" class="button" onClick={() => setApiKey(undefined)}>
          {t('key.forget')}
        </button>
      )}
    </Dialog>
  );
}

interface ModelFieldProps {
  id: string;
  name: TextKey;
  help: TextKey;
  serverValue: string;
  changed: boolean;
  onReset: () => void;
  children: ComponentChildren;
}

/** A field with its help, the server's own value, and a reset that appears once it differs. */
function ModelField(props: ModelFieldProps) {
  const name = t(props.name);
  return (
    <div class="field">
      <label class="field-name" for={props.id}>{name}</label>
      {props.children}
      <p class="field-help" id={`${props.id}-help`}>
        {t(props.help)} <span class="field-default">{props.serverValue}</span>
      </p>
      {props.changed && (
        <button
          type="button"
          class="link-button"
          aria-label={t('settings.resetNamed', { name })}
          onClick={props.onReset}
        >
          {t('settings.reset')}
        </button>
      )}
    </div>
  );
}

function serverValueText(value: number | undefined, digits: number): string {
  return value === undefined
    ? t('settings.serverDecides')
    : t('settings.serverDefault', { value: formatNumber(value, digits) });
}

function SystemPromptField() {
  const own = settings.value.systemPrompt;
  return (
    <ModelField
      id="system-prompt"
      name="settings.systemPrompt"
      help="settings.systemPromptHelp"
      serverValue=""
      changed={own !== undefined}
      onReset={() => changeSettings({ systemPrompt: undefined })}
    >
      <textarea
        id="system-prompt"
        rows={6}
        dir="auto"
        aria-describedby="system-prompt-help"
        value={own ?? server.config.value.systemPrompt}
        onInput={(event) => changeSettings({ systemPrompt: event.currentTarget.value })}
      />
    </ModelField>
  );
}

const kTemperatureShownUnset = 1;

function TemperatureField() {
  const own = settings.value.temperature;
  const theirs = server.config.value.temperature;
  const shown = own ?? theirs;
  return (
    <ModelField
      id="temperature"
      name="settings.temperature"
      help="settings.temperatureHelp"
      serverValue={serverValueText(theirs, 2)}
      changed={own !== undefined}
      onReset={() => changeSettings({ temperature: undefined })}
    >
      <div class="slider">
        <input
          id="temperature"
          type="range"
          min={0}
          max={kTemperatureMax}
          step={0.05}
          aria-describedby="temperature-help"
          value={shown ?? kTemperatureShownUnset}
          onInput={(event) => changeSettings({ temperature: event.currentTarget.valueAsNumber })}
        />
        <output for="temperature">{shown === undefined ? '–' : formatNumber(shown, 2)}</output>
      </div>
    </ModelField>
  );
}

function MaxTokensField() {
  const own = settings.value.maxTokens;
  const { maxTokens: theirs, maxModelLen = kMaxTokensMax } = server.config.value;
  // What is typed stays in the field, valid or not; only what is valid becomes the setting.
  const [typed, setTyped] = useState<string | undefined>(undefined);
  const text = typed ?? (own === undefined ? '' : String(own));
  const wrong = text !== '' && !isTokenCount(text, maxModelLen);
  const change = (event: { currentTarget: HTMLInputElement }) => {
    const { value, validity } = event.currentTarget;
    setTyped(validity.badInput ? '?' : value);
    if (!validity.badInput && (value === '' || isTokenCount(value, maxModelLen))) {
      changeSettings({ maxTokens: value === '' ? undefined : Number(value) });
    }
  };
  return (
    <ModelField
      id="max-tokens"
      name="settings.maxTokens"
      help="settings.maxTokensHelp"
      serverValue={theirs === undefined ? '' : serverValueText(theirs, 0)}
      changed={own !== undefined}
      onReset={() => { setTyped(undefined); changeSettings({ maxTokens: undefined }); }}
    >
      <input
        id="max-tokens"
        type="number"
        inputMode="numeric"
        min={1}
        max={maxModelLen}
        step={1}
        aria-invalid={wrong}
        aria-describedby="max-tokens-help max-tokens-wrong"
        placeholder={theirs === undefined ? t('settings.serverDecides') : String(theirs)}
        value={text === '?' ? undefined : text}
        onInput={change}
        onBlur={() => { if (!wrong) setTyped(undefined); }}
      />
      <p class="field-error" id="max-tokens-wrong" role="alert">
        {wrong && t('settings.maxTokensWrong', { max: formatNumber(maxModelLen) })}
      </p>
    </ModelField>
  );
}

function isTokenCount(text: string, max: number): boolean {
  return /^\d+$/.test(text) && Number(text) >= 1 && Number(text) <= max;
}

function ThemeField() {
  return (
    <fieldset class="field">
      <legend class="field-name">{t('settings.theme')}</legend>
      <div class="choices">
        {kThemeTexts.map(([theme, name]) => (
          <label key={theme} class="choice">
            <input
              type="radio"
              name="theme"
              checked={settings.value.theme === theme}
              onChange={() => changeSettings({ theme })}
            />
            <span>{t(name)}</span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}

function LanguageField() {
  const names = Object.entries(kLocales) as [Locale, { name: string }][];
  return (
    <div class="field">
      <label class="field-name" for="language">{t('settings.language')}</label>
      <select
        id="language"
        value={settings.value.locale ?? ''}
        onChange={(event) => changeSettings({ locale: event.currentTarget.value || undefined })}
      >
        <option value="">{t('settings.languageAuto')}</option>
        {names.map(([tag, { name }]) => (
          <option key={tag} value={tag} lang={tag}>{name}</option>
        ))}
      </select>
    </div>
  );
}
