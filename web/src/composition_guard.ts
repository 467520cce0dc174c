// CompositionGuard: tells an Enter that chooses a word in an input method (Chinese, Japanese, Korean)
// from an Enter that sends.
//
// Chromium and Firefox mark such keys (isComposing, key code 229); Safari ends the composition first and
// fires the same key a moment later.

const kSafariDelayMs = 20;
const kProcessKeyCode = 229;

export class CompositionGuard {
  private composing = false;
  private endedAtMs = -Infinity;

  constructor(private readonly nowMs: () => number = () => performance.now()) {}

  start() {
    this.composing = true;
  }

  end() {
    this.composing = false;
    this.endedAtMs = this.nowMs();
  }

  isComposing(event: { isComposing: boolean; keyCode: number }): boolean {
    return event.isComposing || event.keyCode === kProcessKeyCode || this.composing ||
      this.nowMs() - this.endedAtMs < kSafariDelayMs;
  }
}
