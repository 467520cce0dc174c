// Transcript: the turns, scrolled to the newest as long as the person has not scrolled away.
//
// Only a person moves the text down: a scroll event whose position has not fallen is the echo of our own
// scrolling, and may come after the text has grown again.
import type { ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { t } from '../i18n/index.ts';
import { kDownIcon } from '../icons.ts';
import { IconButton } from './icon_button.tsx';

const kAtEndPixels = 48;

interface TranscriptProps {
  busy: boolean;
  /** Changes when the person acts: then the end is shown again, wherever they were. */
  jumpKey: unknown;
  children: ComponentChildren;
}

export function Transcript({ busy, jumpKey, children }: TranscriptProps) {
  const frame = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const following = useRef(true);
  const lastTop = useRef(0);
  const [away, setAway] = useState(false);

  const toEnd = () => {
    following.current = true;
    setAway(false);
    frame.current?.scrollTo({ top: frame.current.scrollHeight });
    lastTop.current = frame.current?.scrollTop ?? 0;
  };
  useLayoutEffect(toEnd, [jumpKey]);
  useEffect(() => {
    const grown = new ResizeObserver(() => {
      if (following.current) toEnd();
      else setAway(!isAtEnd(frame.current));
    });
    if (content.current) grown.observe(content.current);
    if (frame.current) grown.observe(frame.current);
    return () => grown.disconnect();
  }, []);

  const onScroll = () => {
    const top = frame.current?.scrollTop ?? 0;
    const atEnd = isAtEnd(frame.current);
    if (top < lastTop.current - 1) following.current = false;
    if (top > lastTop.current && atEnd) following.current = true;
    lastTop.current = top;
    setAway(!following.current && !atEnd);
  };
  return (
    <div class="transcript-area">
      <div
        ref={frame}
        class="transcript"
        role="log"
        aria-live="off"
        aria-busy={busy}
        aria-label={t('transcript.label')}
        tabIndex={0}
        onScroll={onScroll}
      >
        <div ref={content} class="transcript-content">{children}</div>
      </div>
      {away && (
        <IconButton
          class="jump-button"
          tip="above"
          name={t('transcript.jump')}
          icon={kDownIcon}
          onClick={() => { toEnd(); frame.current?.focus(); }}
        />
      )}
    </div>
  );
}

function isAtEnd(frame: HTMLElement | null): boolean {
  if (!frame) return true;
  return frame.scrollHeight - frame.scrollTop - frame.clientHeight < kAtEndPixels;
}
