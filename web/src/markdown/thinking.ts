// thinking: reasoning models write their thoughts between <think> and </think>, before the answer.

export interface Thought {
  thinking: string;
  answer: string;
}

const kOpen = /^\s*<think>\s*/;
const kClose = '</think>';

/** Everything is thought until the mark that ends it has come. */
export function splitThinking(text: string): Thought {
  const open = kOpen.exec(text);
  if (!open) return { thinking: '', answer: text };
  const rest = text.slice(open[0].length);
  const close = rest.indexOf(kClose);
  if (close < 0) return { thinking: rest, answer: '' };
  return {
    thinking: rest.slice(0, close).trim(),
    answer: rest.slice(close + kClose.length).replace(/^\s+/, ''),
  };
}
