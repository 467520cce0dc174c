// conversation_record: a conversation at rest, as plain data, and what older builds of the page left.
import { ChatError } from './chat_client.ts';
import { answerTurn, userTurn, type AnswerStats, type Turn } from './turns.ts';

export const kRecordVersion = 2;

interface StoredTurn {
  role: 'user' | 'assistant';
  text: string;
  phase?: string;
  stats?: AnswerStats;
}

export interface ConversationRecord {
  version: typeof kRecordVersion;
  id: string;
  /** Counts the writings: who has read an older one does not overwrite it. */
  revision: number;
  /** The opened page that wrote it, which may always overwrite its own. */
  writer: string;
  changedAtMs: number;
  turns: StoredTurn[];
  replaced?: StoredTurn[];
}

/** A running answer is kept as far as it came. */
function storedTurns(turns: readonly Turn[]): StoredTurn[] {
  return turns.map((turn) => {
    if (turn.role === 'user') return { role: turn.role, text: turn.text };
    const state = turn.state.value;
    const stored: StoredTurn = { role: turn.role, text: turn.text.value, phase: state.phase };
    if ('stats' in state) stored.stats = state.stats;
    return stored;
  });
}

export function recordOf(
  facts: Pick<ConversationRecord, 'id' | 'revision' | 'writer' | 'changedAtMs'>,
  { turns, replaced }: { turns: readonly Turn[]; replaced?: readonly Turn[] | undefined },
): ConversationRecord {
  const record: ConversationRecord = {
    version: kRecordVersion, ...facts, turns: storedTurns(turns),
  };
  if (replaced) record.replaced = storedTurns(replaced);
  return record;
}

/** May the record be written over what is stored? Not when somebody else has gone on with that. */
export function mayReplace(stored: ConversationRecord | undefined, record: ConversationRecord) {
  if (stored === undefined) return true;
  // One page's own writings come in order; a note that it left may be written twice.
  return stored.writer === record.writer
    ? stored.revision <= record.revision
    : stored.revision === record.revision - 1;
}

/** The record if it is one of this build's; what a newer build wrote is not touched. */
export function parseRecord(stored: any): ConversationRecord | undefined {
  const valid = stored?.version === kRecordVersion && typeof stored.id === 'string' &&
    typeof stored.writer === 'string' && Number.isInteger(stored.revision) && Number.isFinite(stored.changedAtMs) &&
    Array.isArray(stored.turns);
  return valid ? stored : undefined;
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
export function turnsFromStore(stored: unknown): Turn[] {
  const turns: Turn[] = [];
  for (const item of Array.isArray(stored) ? stored : []) {
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

/** Version 1 was the one conversation of a browser: {version, turns} in localStorage. */
export function recordOfVersion1(
  stored: any, facts: Pick<ConversationRecord, 'id' | 'writer' | 'changedAtMs'>,
): ConversationRecord | undefined {
  if (stored?.version !== 1) return undefined;
  const turns = turnsFromStore(stored.turns);
  return turns.length > 0 ? recordOf({ ...facts, revision: 1 }, { turns }) : undefined;
}
