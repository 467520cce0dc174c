// page_config: what the server says about itself and its defaults (GET page-config.json).
//
// Every field may be missing or wrong; the page then works with its own defaults.
import { signal } from '@preact/signals';
import { ChatError, errorOfResponse } from './chat_client.ts';

export interface PageConfig {
  title: string;
  model: string | undefined;
  examples: string[];
  systemPrompt: string;
  temperature: number | undefined;
  maxTokens: number | undefined;
  maxModelLen: number | undefined;
}

const kExamplesMax = 6;

export const pageConfig = signal<PageConfig>(parsePageConfig({}));

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value.trim() !== '' ? value : undefined;
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

export function parsePageConfig(json: any): PageConfig {
  const examples: unknown[] = Array.isArray(json?.examples) ? json.examples : [];
  return {
    title: textOf(json?.title) ?? 'Puna',
    model: textOf(json?.model),
    examples: examples.filter((item): item is string => textOf(item) !== undefined)
      .slice(0, kExamplesMax),
    systemPrompt: textOf(json?.system_prompt) ?? '',
    temperature: numberOf(json?.defaults?.temperature),
    maxTokens: numberOf(json?.defaults?.max_tokens),
    maxModelLen: numberOf(json?.max_model_len),
  };
}

/** Throws ChatError: 'unauthorized' when the server wants a key, else what went wrong. */
export async function loadPageConfig(key: string | undefined): Promise<void> {
  let response: Response;
  try {
    const headers: Record<string, string> = key ? { Authorization: `Bearer ${key}` } : {};
    response = await fetch('page-config.json', { headers });
  } catch (error) {
    throw new ChatError('offline', String(error));
  }
  if (!response.ok) throw await errorOfResponse(response);
  pageConfig.value = parsePageConfig(await response.json().catch(() => ({})));
}
