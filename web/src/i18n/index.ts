// i18n: the page's words in the person's language. t() reads a signal, so the page follows a change.
import { computed, effect } from '@preact/signals';
import { settings } from '../settings.ts';
import { en } from './en.ts';
import { zhCn } from './zh_cn.ts';

export type Locale = 'en' | 'zh-CN';
export type TextKey = keyof typeof en;
export type Texts = Record<TextKey, string>;

export const kLocales: Record<Locale, { name: string; texts: Texts }> = {
  en: { name: 'English', texts: en },
  'zh-CN': { name: '简体中文', texts: zhCn },
};

/** The first of the wanted languages that the page speaks. */
export function chooseLocale(wanted: readonly string[]): Locale {
  for (const tag of wanted) {
    const lower = tag.toLowerCase();
    // Traditional Chinese readers are better served by English than by the other script.
    if (/^zh(-(hans|cn|sg|my))?(-|$)/.test(lower) && !/hant|-tw|-hk|-mo/.test(lower)) {
      return 'zh-CN';
    }
    if (/^en(-|$)/.test(lower)) return 'en';
  }
  return 'en';
}

/** What the person reads, the best first: the language chosen here, then the browser's. */
export const languages = computed<readonly string[]>(() => {
  const browser = typeof navigator === 'undefined' ? [] : navigator.languages ?? [];
  return settings.value.locale ? [settings.value.locale, ...browser] : browser;
});

export const locale = computed<Locale>(() => chooseLocale(languages.value));

/** The text for `key` with {placeholders} filled in. */
export function t(key: TextKey, values: Record<string, string | number> = {}): string {
  const text = kLocales[locale.value].texts[key];
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

export function formatNumber(value: number, digits = 0): string {
  return new Intl.NumberFormat(locale.value, {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  }).format(value);
}

export function formatTime(timeMs: number): string {
  return new Intl.DateTimeFormat(locale.value, { dateStyle: 'medium', timeStyle: 'short' })
    .format(timeMs);
}

/** Screen readers choose their voice by the document's language. Called once, by main. */
export function followLocale() {
  effect(() => {
    document.documentElement.lang = locale.value;
  });
}
