// turns: one conversation as data: what was said, how each answer ended, and its form at rest.
import { signal, type Signal } from '@preact/signals';
import { ChatError, type ChatMessage } from './chat_client.ts';

export interface AnswerStats {
  firstTokenMs?: number;
  tokens?: number;
  tokensPerSecond?: number;
  /** Counted from chunks, because the server's own count never came. */
  estimated?: boolean;
  finishReason?: string;
}

export type AnswerState =
  | { phase: 'waiting' }
  | { phase: 'streaming' }
  | { phase: 'done' | 'stopped'; stats: AnswerStats }
  | { phase: 'failed'; error: ChatError; retryAtMs?: number };

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

/** What the model is shown: the system prompt, then every turn that has text. */
export function messagesOf(systemPrompt: string, turns: readonly Turn[]): ChatMessage[] {
  const messages: ChatMessage[] = systemPrompt.trim()
    ? [{ role: 'system', content: systemPrompt }]
    : [];
  for (const turn of turns) {
    const content = turn.role === 'user' ? turn.text : turn.text.value;
    if (content !== '') messages.push({ role: turn.role, content });
  }
  return messages;
}

const kFormVersion = 1;

/** Plain JSON for a store; a running answer is kept as far as it came. */
export function turnsToStore(turns: readonly Turn[]): unknown {
  return {
    version: kFormVersion,
    turns: turns.map((turn) => {
      if (turn.role === 'user') return { role: turn.role, text: turn.text };
      const state = turn.state.value;
      const stats = 'stats' in state ? state.stats : undefined;
      return { role: turn.role, text: turn.text.value, phase: state.phase, stats };
    }),
  };
}

function statsFromStore(stored: any): AnswerStats {
  const stats: AnswerStats = {};
  for (const name of ['firstTokenMs', 'tokens', 'tokensPerSecond'] as const) {
    if (typeof stored?.[name] === 'number') stats[name] = stored[name];
  }
  if (stored?.estimated === true) stats.estimated = true;
  if (typeof stored?.finishReason === 'string') stats.finishReason = stored.finishReason;
  return stats;
}

/** Turns from whatever was stored; what is not a turn is left out. */
export function turnsFromStore(stored: any): Turn[] {
  if (stored?.version !== kFormVersion || !Array.isArray(stored.turns)) return [];
  const turns: Turn[] = [];
  for (const item of stored.turns) {
    if (typeof item?.text !== 'string') continue;
    if (item.role === 'user') turns.push(userTurn(item.text));
    if (item.role !== 'assistant') continue;
    const finished = item.phase === 'done' || item.phase === 'stopped';
    turns.push(
      answerTurn(item.text, finished
        ? { phase: item.phase, stats: statsFromStore(item.stats) }
        : { phase: 'failed', error: new ChatError('interrupted') }),
    );
  }
  if (turns.at(-1)?.role === 'user') {
    turns.push(answerTurn('', { phase: 'failed', error: new ChatError('interrupted') }));
  }
  return turns;
}
