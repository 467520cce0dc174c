// direction: each piece of a text runs as its own words do: an Arabic paragraph in an English answer too.

const kRightToLeft = /[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}\p{Script=Adlam}]/u;

/** By the first letter, as the Unicode bidirectional algorithm decides for a paragraph. */
export function directionOf(text: string): 'ltr' | 'rtl' {
  const letter = /\p{L}/u.exec(text)?.[0] ?? '';
  return kRightToLeft.test(letter) ? 'rtl' : 'ltr';
}

/** Lists and tables follow their first words, for markers and columns; what holds text decides alone. */
export function setDirections(root: ParentNode) {
  for (const element of root.querySelectorAll<HTMLElement>('ul, ol, blockquote, table')) {
    element.dir = directionOf(element.textContent ?? '');
  }
  for (const element of root.querySelectorAll<HTMLElement>('p, li, h1, h2, h3, h4, h5, h6, td, th')) {
    element.dir = 'auto';
  }
  for (const element of root.querySelectorAll<HTMLElement>('pre, .math')) element.dir = 'ltr';
}
