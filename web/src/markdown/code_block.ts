// code_block: a <pre> with its language, a copy button and, once finished, colours.
import { copyText } from '../copy.ts';
import { t } from '../i18n/index.ts';
import { highlightedFragment } from './sanitize.ts';
import { kCopyIcon, kCopiedIcon, svgIcon } from '../icons.ts';

const kHighlightCharactersMax = 100_000;
const kCopiedShownMs = 2_000;

/** The framed block for one `pre > code` element that markdown made. */
export function codeBlock(code: Element, finished: boolean): HTMLElement {
  const language = /(?:^|\s)language-([^\s]{1,40})/.exec(code.className)?.[1] ?? '';
  const frame = document.createElement('div');
  frame.className = 'code-block';

  const bar = document.createElement('div');
  bar.className = 'code-bar';
  const label = document.createElement('span');
  label.textContent = language || t('code.plain');
  bar.append(label, copyButton(() => code.textContent ?? ''));

  const pre = document.createElement('pre');
  pre.tabIndex = 0;
  pre.setAttribute('role', 'group');
  pre.setAttribute('aria-label', t('code.label'));
  code.className = '';
  pre.append(code);
  frame.append(bar, pre);

  if (finished && language) void highlight(code, language.toLowerCase());
  return frame;
}

function copyButton(text: () => string): HTMLButtonElement {
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'code-copy tipped below-end';
  const show = (name: string, icon: string) => {
    button.setAttribute('aria-label', name);
    button.dataset['tip'] = name;
    button.replaceChildren(svgIcon(icon));
  };
  show(t('code.copy'), kCopyIcon);
  button.addEventListener('click', async () => {
    if (!(await copyText(text()))) return;
    show(t('turn.copied'), kCopiedIcon);
    setTimeout(() => show(t('code.copy'), kCopyIcon), kCopiedShownMs);
  });
  return button;
}

/** Colours come in a second bundle that is loaded for the first finished block of a known language. */
async function highlight(code: Element, language: string) {
  const text = code.textContent ?? '';
  if (text.length > kHighlightCharactersMax) return;
  try {
    const { highlightToHtml } = await import('./highlight.ts');
    const html = highlightToHtml(text, language);
    if (html !== undefined) code.replaceChildren(highlightedFragment(html));
  } catch {
    // The bundle could not be loaded: plain code is readable too.
  }
}
