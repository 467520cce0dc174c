// extras: what models write beyond markdown-it's markdown: formulas, task lists, footnotes.
//
// A formula is not drawn, but shown as it was written: its backslashes, stars and underscores are its own
// and mean nothing to markdown.
import type MarkdownIt from 'markdown-it';
import type StateBlock from 'markdown-it/lib/rules_block/state_block.mjs';
import type StateCore from 'markdown-it/lib/rules_core/state_core.mjs';
import type StateInline from 'markdown-it/lib/rules_inline/state_inline.mjs';

const kMathEnds: Record<string, string> = { '\\(': '\\)', '\\[': '\\]', $$: '$$' };
// As pandoc has it, so that "$5 and $6" are prices; and only where markdown would do harm.
const kDollarMath = /^\$(?=\S)(?=[^$\n]*[\\_*^])[^$\n]*[^\s$]\$(?!\d)/;

// Or ten thousand openings without an end would each look through the whole text.
const kFormulaCharactersMax = 2_000;

function mathInline(state: StateInline, silent: boolean): boolean {
  const rest = state.src.slice(state.pos, Math.min(state.posMax, state.pos + kFormulaCharactersMax));
  const end = kMathEnds[rest.slice(0, 2)];
  let length = end === undefined ? 0 : rest.indexOf(end, 2) + 2;
  if (end === undefined) length = kDollarMath.exec(rest)?.[0].length ?? 0;
  if (length < 3) return false;
  if (!silent) state.push('math', 'code', 0).content = rest.slice(0, length);
  state.pos += length;
  return true;
}

function lineOf(state: StateBlock, line: number): string {
  return state.src.slice((state.bMarks[line] ?? 0) + (state.tShift[line] ?? 0), state.eMarks[line]);
}

/** From a line that begins with \[ or $$ to the one that closes it; while it grows, to the end. */
function mathBlock(state: StateBlock, startLine: number, endLine: number, silent: boolean): boolean {
  const first = lineOf(state, startLine);
  const close = kMathEnds[first.slice(0, 2)];
  if (close === undefined || close === '\\)' || state.blkIndent + 4 <= (state.sCount[startLine] ?? 0)) return false;
  let line = startLine;
  for (let text = first.slice(2); !text.includes(close); text = lineOf(state, line)) {
    if (++line < endLine && lineOf(state, line) !== '') continue;
    if (line < endLine) return false; // an empty line: it was no formula
    line = endLine - 1;
    break;
  }
  const last = line === startLine ? first.slice(2) : lineOf(state, line);
  const closedAt = last.indexOf(close);
  if (closedAt >= 0 && last.slice(closedAt + 2).trim() !== '') return false; // a sentence with one
  if (silent) return true;
  const token = state.push('math_block', 'p', 0);
  token.map = [startLine, line + 1];
  token.content = state.getLines(startLine, line + 1, state.blkIndent, false);
  state.line = line + 1;
  return true;
}

const kFootnote = /^\[\^([^\]\s]{1,40})\]/;

function footnoteMark(state: StateInline, silent: boolean): boolean {
  const found = kFootnote.exec(state.src.slice(state.pos, state.posMax));
  if (!found) return false;
  if (!silent) state.push('footnote', 'sup', 0).content = found[1] ?? '';
  state.pos += found[0].length;
  return true;
}

function footnoteText(state: StateBlock, startLine: number, _: number, silent: boolean): boolean {
  const line = lineOf(state, startLine);
  const found = kFootnote.exec(line);
  if (!found || line[found[0].length] !== ':') return false;
  if (silent) return true;
  state.line = startLine + 1;
  const open = state.push('paragraph_open', 'p', 1);
  open.map = [startLine, state.line];
  open.attrSet('class', 'footnote');
  const inline = state.push('inline', '', 0);
  inline.content = `${found[0]} ${line.slice(found[0].length + 1).trim()}`;
  inline.map = open.map;
  inline.children = [];
  state.push('paragraph_close', 'p', -1);
  return true;
}

/** "- [x] done": a box before the words. */
function taskLists(state: StateCore) {
  state.tokens.forEach((token, index) => {
    const item = state.tokens[index - 2];
    const first = token.children?.[0];
    if (token.type !== 'inline' || item?.type !== 'list_item_open' || first?.type !== 'text') return;
    const box = /^\[([ xX])\](?=\s)/.exec(first.content);
    if (!box) return;
    first.content = (box[1] === ' ' ? '☐' : '☑') + first.content.slice(3);
    item.attrSet('class', 'task');
  });
}

export function addExtras(markdown: MarkdownIt) {
  const { escapeHtml } = markdown.utils;
  const textOf = (tokens: { content: string }[], index: number) =>
    escapeHtml(tokens[index]?.content ?? '');
  markdown.inline.ruler.before('escape', 'math', mathInline);
  markdown.block.ruler.before('fence', 'math_block', mathBlock,
    { alt: ['paragraph', 'reference', 'blockquote', 'list'] });
  markdown.inline.ruler.before('link', 'footnote', footnoteMark);
  markdown.block.ruler.before('reference', 'footnote_text', footnoteText,
    { alt: ['paragraph', 'reference'] });
  markdown.core.ruler.after('inline', 'tasks', taskLists);
  markdown.renderer.rules['math'] = (tokens, index) => `<code class="math">${textOf(tokens, index)}</code>`;
  markdown.renderer.rules['math_block'] = (tokens, index) => `<p class="math">${textOf(tokens, index)}</p>`;
  markdown.renderer.rules['footnote'] = (tokens, index) => `<sup>${textOf(tokens, index)}</sup>`;
}
