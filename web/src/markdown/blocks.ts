// blocks: where a growing markdown text can be cut so that what is before the cut never changes again.
//
// The renderer keeps finished blocks and renders only the last one on each frame, so a long answer costs
// the same per frame as a short one.
import type MarkdownIt from 'markdown-it';

/** Link definitions ([a]: https://…) seen so far; shared by all blocks of one text. */
export interface MarkdownEnvironment {
  references?: Record<string, unknown>;
}

// A block's kind is settled by its first two lines: "text\n#" may become "text\n#tag", and a table
// shows itself only in its second line.
const kSettlingLines = 2;

/**
 * Offsets in `text` at which a block ends for good, whatever is appended: text before the last of them
 * is final. Empty while nothing is settled.
 */
export function settledEnds(
  markdown: MarkdownIt, text: string, environment: MarkdownEnvironment,
): number[] {
  const lineStarts = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) {
    lineStarts.push(at + 1);
  }
  const completeLines = lineStarts.length - 1;
  const ends: number[] = [];
  for (const token of markdown.parse(text, environment)) {
    if (token.level !== 0 || token.nesting < 0 || !token.map) continue;
    const start = lineStarts[token.map[0]] ?? 0;
    if (start > 0 && token.map[0] + kSettlingLines <= completeLines) ends.push(start);
  }
  return ends;
}

const kPlainTextCharactersMin = 200_000;
const kNestingMax = 2_000;

/** True for text that is shown as it is, because reading it as markdown could hang the page. */
export function isPathological(block: string): boolean {
  return block.length > kPlainTextCharactersMin || nestingOf(block) > kNestingMax;
}

/** The same for a text of many blocks, asked before it is cut into blocks. */
export function hasPathologicalLine(text: string): boolean {
  return text.length > kNestingMax && text.split('\n').some(isPathological);
}

/** An upper bound of how deep quotes and lists nest: markers at the start of a line, and indentation. */
function nestingOf(text: string): number {
  let deepest = 0;
  for (const [prefix] of text.matchAll(/^[ \t>*+-]+/gm)) {
    const markers = prefix.replace(/[ \t]/g, '').length;
    deepest = Math.max(deepest, markers + (prefix.length - markers) / 2);
  }
  return deepest;
}
