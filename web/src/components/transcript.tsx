// Transcript: the turns, scrolled to the newest as long as the person has not scrolled away.
import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { t } from '../i18n/index.ts';
import { kDownIcon } from '../icons.ts';
import { Icon } from './icon.tsx';

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
  const [away, setAway] = useState(false);

  const toEnd = () => {
    following.current = true;
    setAway(false);
    frame.current?.scrollTo({ top: frame.current.scrollHeight });
  };
  useEffect(toEnd, [jumpKey]);
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
    following.current = isAtEnd(frame.current);
    setAway(!following.current);
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
        <button
          type="button"
          class="jump-button"
          aria-label={t('transcript.jump')}
          onClick={() => { toEnd(); frame.current?.focus(); }}
        >
          <Icon path={kDownIcon} />
        </button>
      )}
    </div>
  );
}

function isAtEnd(frame: HTMLElement | null): boolean {
  if (!frame) return true;
  return frame.scrollHeight - frame.scrollTop - frame.clientHeight < kAtEndPixels;
}
