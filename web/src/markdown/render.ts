// render: one block of markdown to elements of the page, safe whatever a model wrote.
//
// Two independent guards: markdown-it never passes HTML through, and strict DOMPurify cleans what it
// made. Images become links, because a picture from elsewhere would tell that place who reads what.
import MarkdownIt from 'markdown-it';
import type Token from 'markdown-it/lib/token.mjs';
import { t } from '../i18n/index.ts';
import { isPathological, type MarkdownEnvironment } from './blocks.ts';
import { codeBlock } from './code_block.ts';
import { setDirections } from './direction.ts';
import { addExtras } from './extras.ts';
import { proseFragment } from './sanitize.ts';

export const markdown = new MarkdownIt({ html: false, linkify: true, breaks: true });
// Only addresses with a scheme: "main.rs" is a file, not a web site.
markdown.linkify.set({ fuzzyLink: false, fuzzyEmail: false, fuzzyIP: false });
addExtras(markdown);
markdown.renderer.rules['image'] = (tokens, index) => imageAsLink(tokens[index] as Token);
markdown.renderer.rules['th_open'] = alignedCell;
markdown.renderer.rules['td_open'] = alignedCell;

const { escapeHtml } = markdown.utils;

function imageAsLink(token: Token): string {
  const source = String(token.attrGet('src') ?? '');
  const name = escapeHtml(token.content || source);
  return `<a class="image-link" href="${escapeHtml(source)}">${name}</a>`;
}

/** markdown-it aligns by a style attribute, which the content security policy forbids. */
function alignedCell(tokens: Token[], index: number): string {
  const token = tokens[index] as Token;
  const alignment = /text-align:(left|center|right)/.exec(String(token.attrGet('style') ?? ''));
  return `<${token.tag}${alignment ? ` class="align-${alignment[1]}"` : ''}>`;
}

/** A settled or growing block as elements. `finished` blocks get their code highlighted. */
export function renderBlock(
  text: string, environment: MarkdownEnvironment, finished: boolean,
): DocumentFragment {
  if (isPathological(text)) return plainText(text);
  const fragment = proseFragment(markdown.render(text, environment));
  for (const link of fragment.querySelectorAll('a')) finishLink(link);
  for (const code of fragment.querySelectorAll('pre > code')) {
    code.parentElement?.replaceWith(codeBlock(code, finished));
  }
  for (const table of fragment.querySelectorAll('table')) wrapTable(table);
  setDirections(fragment);
  return fragment;
}

function plainText(text: string): DocumentFragment {
  const fragment = document.createDocumentFragment();
  const block = document.createElement('p');
  block.className = 'plain';
  block.dir = 'auto';
  block.textContent = text;
  fragment.append(block);
  return fragment;
}

/** New tab, no referrer, no ranking; and the host is shown when the text does not name it. */
function finishLink(link: HTMLAnchorElement) {
  const target = urlOf(link.getAttribute('href'));
  if (!target) {
    link.replaceWith(...link.childNodes);
    return;
  }
  link.target = '_blank';
  link.rel = 'noopener noreferrer nofollow';
  const place = target.host || target.pathname;
  if (link.classList.contains('image-link')) {
    const name = link.textContent;
    link.textContent = t('image.open', { host: place });
    if (name && name !== link.href) link.prepend(`${name} · `);
  } else if (!(link.textContent ?? '').includes(place)) {
    const host = document.createElement('span');
    host.className = 'link-host';
    host.textContent = ` (${place})`;
    link.append(host);
  }
}

function urlOf(text: string | null): URL | undefined {
  try {
    return text ? new URL(text) : undefined;
  } catch {
    return undefined;
  }
}

function wrapTable(table: HTMLTableElement) {
  const frame = document.createElement('div');
  frame.className = 'table-frame';
  makeScrollable(frame, t('table.label'));
  table.replaceWith(frame);
  frame.append(table);
}

/** What scrolls sideways must be reachable by keyboard and have a name. */
export function makeScrollable(element: HTMLElement, name: string) {
  element.tabIndex = 0;
  element.setAttribute('role', 'group');
  element.setAttribute('aria-label', name);
}
