// entities: "&auml;" to "ä" by the browser's own tables instead of 20 kB of copies. Named instead of the
// package `entities` when the page is bundled; markdown-it asks for one reference at a time.
import { proseFragment } from './sanitize.ts';

const known = new Map<string, string>();

export function decodeHTML(reference: string): string {
  let text = known.get(reference);
  if (text === undefined) {
    text = proseFragment(reference).textContent ?? reference;
    known.set(reference, text);
  }
  return text;
}

export const decodeHTMLStrict = decodeHTML;
