// settings: what the person chose. An unset value means "as the server does it".
//
// Kept in localStorage and followed in every tab; the API key lives as long as the tab, or longer when the
// person wants it.
import { effect, signal } from '@preact/signals';
import { lasting, onOtherTabWrites, untilTabCloses } from './storage.ts';

export type Theme = 'auto' | 'light' | 'dark';

export const kTemperatureMax = 2;
export const kMaxTokensMax = 131072;

export interface Settings {
  systemPrompt?: string;
  temperature?: number;
  maxTokens?: number;
  theme: Theme;
  locale?: string;
}

const kStoredAs = 'settings';
const kKeyStoredAs = 'key';

function within(value: unknown, low: number, high: number): value is number {
  return typeof value === 'number' && value >= low && value <= high;
}

/** The valid part of whatever was stored. */
export function parseSettings(stored: any): Settings {
  const settings: Settings = { theme: 'auto' };
  if (typeof stored?.systemPrompt === 'string') settings.systemPrompt = stored.systemPrompt;
  if (within(stored?.temperature, 0, kTemperatureMax)) settings.temperature = stored.temperature;
  if (within(stored?.maxTokens, 1, kMaxTokensMax)) {
    settings.maxTokens = Math.floor(stored.maxTokens);
  }
  if (stored?.theme === 'light' || stored?.theme === 'dark') settings.theme = stored.theme;
  if (typeof stored?.locale === 'string') settings.locale = stored.locale;
  return settings;
}

export const settings = signal<Settings>(parseSettings(lasting.read(kStoredAs)));

const storedKey = untilTabCloses.read(kKeyStoredAs) ?? lasting.read(kKeyStoredAs);
export const apiKey = signal<string | undefined>(
  typeof storedKey === 'string' ? storedKey : undefined,
);

export function changeSettings(change: { [K in keyof Settings]?: Settings[K] | undefined }) {
  const next: Record<string, unknown> = { ...settings.value, ...change };
  for (const name of Object.keys(next)) if (next[name] === undefined) delete next[name];
  settings.value = next as unknown as Settings;
}

export function keyIsKept(): boolean {
  return lasting.read(kKeyStoredAs) !== undefined;
}

/** Kept beyond this tab only when asked for. */
export function setApiKey(key: string | undefined, keep = false) {
  apiKey.value = key;
  untilTabCloses.remove(kKeyStoredAs);
  lasting.remove(kKeyStoredAs);
  if (key !== undefined) (keep ? lasting : untilTabCloses).write(kKeyStoredAs, key);
}

/** Keeps storage and the document's theme in step with the signals. Called once, by main. */
export function followSettings() {
  onOtherTabWrites(kStoredAs, () => {
    settings.value = parseSettings(lasting.read(kStoredAs));
  });
  effect(() => {
    lasting.write(kStoredAs, settings.value);
    document.documentElement.dataset['theme'] = settings.value.theme;
  });
}
