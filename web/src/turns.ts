// turns: one conversation as data: what was said and how each answer ended.
import { signal, type Signal } from '@preact/signals';
import type { ChatError, ChatMessage } from './chat_client.ts';

export interface AnswerStats {
  firstTokenMs?: number;
  tokens?: number;
  tokensPerSecond?: number;
  /** Counted from chunks, because the server's own count never came. */
  estimated?: boolean;
  finishReason?: string;
}

/** Why an answer did not come; with a time when it will be asked for again by itself. */
export interface Failure {
  error: ChatError;
  retryAtMs?: number;
}

export type AnswerState =
  /** `place`: among those who wait for the model, with the seconds that it may take. */
  | { phase: 'waiting'; place?: number; seconds?: number | undefined }
  | { phase: 'streaming' }
  /** `again`: it was asked for once more, and nothing came; this answer stands as it was. */
  | { phase: 'done' | 'stopped'; stats: AnswerStats; again?: Failure }
  | ({ phase: 'failed' } & Failure);

export interface UserTurn {
  id: string;
  role: 'user';
  text: string;
}

export interface AnswerTurn {
  id: string;
  role: 'assistant';
  text: Signal<string>;
  state: Signal<AnswerState>;
}

export type Turn = UserTurn | AnswerTurn;

let lastId = 0;
function newId(): string {
  return `turn-${++lastId}`;
}

export function userTurn(text: string): UserTurn {
  return { id: newId(), role: 'user', text };
}

export function answerTurn(text = '', state: AnswerState = { phase: 'waiting' }): AnswerTurn {
  return { id: newId(), role: 'assistant', text: signal(text), state: signal(state) };
}

export function isRunning(turn: Turn | undefined): boolean {
  if (turn?.role !== 'assistant') return false;
  const { phase } = turn.state.value;
  return phase === 'waiting' || phase === 'streaming';
}

export function hasWords(turn: Turn | undefined): boolean {
  return turn?.role === 'assistant' && turn.text.value !== '';
}

export function failureOf(state: AnswerState): Failure | undefined {
  if (state.phase === 'failed') return state;
  return state.phase === 'done' || state.phase === 'stopped' ? state.again : undefined;
}

/** The same state with another failure, or with none where it can do without. */
export function withFailure(state: AnswerState, failure: Failure | undefined): AnswerState {
  if (state.phase === 'failed') return failure ? { phase: 'failed', ...failure } : state;
  if (state.phase !== 'done' && state.phase !== 'stopped') return state;
  const { phase, stats } = state;
  return failure ? { phase, stats, again: failure } : { phase, stats };
}

/** False for a question that the model will not be shown again, because no word came back. */
export function isAnswered(turns: readonly Turn[], index: number): boolean {
  return index >= turns.length - 2 || hasWords(turns[index + 1]);
}

/**
 * What the model is shown: the system prompt, every question that got words, and the last one. User and
 * assistant take turns, whatever failed or was stopped before: templates such as Llama 2's insist.
 */
export function messagesOf(systemPrompt: string, turns: readonly Turn[]): ChatMessage[] {
  const messages: ChatMessage[] = systemPrompt.trim()
    ? [{ role: 'system', content: systemPrompt }]
    : [];
  turns.forEach((turn, index) => {
    if (turn.role !== 'user') return;
    const answer = turns[index + 1];
    const words = answer?.role === 'assistant' ? answer.text.value : '';
    if (words === '' && index < turns.length - 1) return;
    messages.push({ role: 'user', content: turn.text });
    if (words !== '') messages.push({ role: 'assistant', content: words });
  });
  return messages;
}

const kNameCharactersMax = 40;

/** What a conversation is called: the beginning of its first question. */
export function nameOf(turns: readonly Turn[]): string {
  const first = turns.find((turn) => turn.role === 'user');
  const text = first?.role === 'user' ? first.text.slice(0, 400).replace(/\s+/g, ' ').trim() : '';
  const letters = [...text];
  if (letters.length <= kNameCharactersMax) return text;
  const cut = letters.slice(0, kNameCharactersMax).join('');
  return `${cut.replace(/\s+\S{0,12}$/, '')}…`;
}

/** The conversation as plain text, to be kept elsewhere. */
export function textOf(turns: readonly Turn[]): string {
  return turns.map((turn) => (turn.role === 'user' ? `> ${turn.text.replace(/\n/g, '\n> ')}` : turn.text.value))
    .filter((text) => text !== '').join('\n\n');
}
