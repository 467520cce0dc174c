// sanitize: the only door from HTML text to elements. Strict DOMPurify, fragments only, no string ever
// reaches innerHTML.
//
// The list of allowed elements is what markdown-it makes from markdown without HTML, and nothing more:
// no image, form, svg, math, frame or style, no id, name, style or event attribute.
import DOMPurify from 'dompurify';

const kProseTags = [
  'a', 'blockquote', 'br', 'code', 'del', 'em', 'h1', 'h2', 'h3', 'h4', 'h5', 'h6', 'hr', 'li', 'ol',
  'p', 'pre', 's', 'span', 'strong', 'sup', 'table', 'tbody', 'td', 'th', 'thead', 'tr', 'ul',
];
const kProseAttributes = ['class', 'href', 'start'];
const kLinkTargets = /^(?:https?|mailto):/i;

const kProse = {
  ALLOWED_TAGS: kProseTags,
  ALLOWED_ATTR: kProseAttributes,
  ALLOWED_URI_REGEXP: kLinkTargets,
  ALLOW_DATA_ATTR: false,
  ALLOW_ARIA_ATTR: false,
  RETURN_DOM_FRAGMENT: true as const,
};

const kHighlighted = { ...kProse, ALLOWED_TAGS: ['span'], ALLOWED_ATTR: ['class'] };

export function proseFragment(html: string): DocumentFragment {
  return DOMPurify.sanitize(html, kProse);
}

export function highlightedFragment(html: string): DocumentFragment {
  return DOMPurify.sanitize(html, kHighlighted);
}
