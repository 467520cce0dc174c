// page_config: what the server says about itself and its defaults (GET page-config.json).
//
// Every field may be missing or wrong; the page then works with its own defaults.
import { ChatError, errorOfResponse } from './chat_client.ts';

/** The operator's words for visitors of one language. */
export interface OperatorTexts {
  title?: string;
  greeting?: string;
  examples?: string[];
}

export interface PageConfig {
  title: string;
  model: string | undefined;
  examples: string[];
  texts: Record<string, OperatorTexts>;
  systemPrompt: string;
  temperature: number | undefined;
  maxTokens: number | undefined;
  maxModelLen: number | undefined;
}

const kExamplesMax = 6;

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value.trim() !== '' ? value : undefined;
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

function examplesOf(value: unknown): string[] {
  return (Array.isArray(value) ? value : [])
    .filter((item): item is string => textOf(item) !== undefined).slice(0, kExamplesMax);
}

function operatorTextsOf(json: any): OperatorTexts {
  const texts: OperatorTexts = {};
  const title = textOf(json?.title);
  const greeting = textOf(json?.greeting);
  const examples = examplesOf(json?.examples);
  if (title !== undefined) texts.title = title;
  if (greeting !== undefined) texts.greeting = greeting;
  if (examples.length > 0) texts.examples = examples;
  return texts;
}

export function parsePageConfig(json: any): PageConfig {
  const byLanguage = json?.texts !== null && typeof json?.texts === 'object' ? json.texts : {};
  return {
    title: textOf(json?.title) ?? 'Puna',
    model: textOf(json?.model),
    examples: examplesOf(json?.examples),
    texts: Object.fromEntries(Object.entries(byLanguage)
      .map(([language, texts]) => [language.toLowerCase(), operatorTextsOf(texts)])),
    systemPrompt: textOf(json?.system_prompt) ?? '',
    temperature: numberOf(json?.defaults?.temperature),
    maxTokens: numberOf(json?.defaults?.max_tokens),
    maxModelLen: numberOf(json?.max_model_len),
  };
}

/** The script that a Chinese tag asks for; people who read one are not helped by the other. */
function scriptOf(tag: string): string {
  if (!/^zh(-|$)/.test(tag)) return '';
  return /hant|-tw|-hk|-mo/.test(tag) ? 'hant' : 'hans';
}

/** The operator's words for a person who reads these languages, the best first. */
export function operatorTexts(config: PageConfig, languages: readonly string[]): OperatorTexts {
  const { title, examples, texts } = config;
  const common = { title, examples };
  for (const language of languages) {
    const wanted = language.toLowerCase();
    const [primary] = wanted.split('-');
    const found = Object.keys(texts).find((tag) => tag === wanted) ??
      Object.keys(texts).find((tag) =>
        tag.split('-')[0] === primary && scriptOf(tag) === scriptOf(wanted));
    if (found !== undefined) return { ...common, ...texts[found] };
    // Words that are for everybody are in somebody's language: mostly English.
    if (primary === 'en') return common;
  }
  return common;
}

/** Throws ChatError: 'unauthorized' when the server wants a key, else what went wrong. */
export async function fetchPageConfig(key: string | undefined): Promise<PageConfig> {
  let response: Response;
  try {
    const headers: Record<string, string> = key ? { Authorization: `Bearer ${key}` } : {};
    response = await fetch('page-config.json', { headers });
  } catch (error) {
    throw new ChatError('offline', String(error));
  }
  if (!response.ok) throw await errorOfResponse(response);
  return parsePageConfig(await response.json().catch(() => ({})));
}
