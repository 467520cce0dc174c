// MarkdownStream: keeps an element showing a markdown text that grows.
//
// update() may be called for every token: work is done once per animation frame, only the last block is
// rendered again, and a block that takes long is rendered less often, so that typing stays fluid.
import { hasPathologicalLine, settledEnds, type MarkdownEnvironment } from './blocks.ts';
import { markdown, renderBlock } from './render.ts';

// Rendering may use at most this share of the main thread.
const kRenderShare = 0.25;

export class MarkdownStream {
  private text = '';
  private shown = '';
  private settledAt = 0;
  private environment: MarkdownEnvironment = {};
  private live: HTMLElement | undefined;
  private frame = 0;
  private notBeforeMs = 0;

  constructor(private readonly root: HTMLElement) {}

  /** The whole text so far. */
  update(text: string) {
    this.text = text;
    if (this.frame === 0) this.frame = requestAnimationFrame(() => this.onFrame());
  }

  /** The whole text, now: nothing more will come. */
  finish(text: string) {
    this.dispose();
    this.text = text;
    this.draw();
    if (!this.live) return;
    this.live.replaceChildren(this.render(this.text.slice(this.settledAt), true));
    this.settledAt = this.text.length;
    this.live = undefined;
  }

  dispose() {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
  }

  private onFrame() {
    this.frame = 0;
    const startMs = performance.now();
    if (startMs < this.notBeforeMs) {
      this.update(this.text);
      return;
    }
    this.draw();
    const tookMs = performance.now() - startMs;
    this.notBeforeMs = startMs + tookMs / kRenderShare;
  }

  private draw() {
    if (!this.text.startsWith(this.shown)) this.reset();
    if (this.text === this.shown) return;
    this.shown = this.text;
    this.settle();
    const rest = this.text.slice(this.settledAt);
    this.live ??= this.addBlock();
    this.live.replaceChildren(this.render(rest, false));
  }

  private settle() {
    const rest = this.text.slice(this.settledAt);
    if (hasPathologicalLine(rest)) return;
    let start = 0;
    for (const end of settledEnds(markdown, rest, this.environment)) {
      const block = this.live ?? this.addBlock();
      block.replaceChildren(this.render(rest.slice(start, end), true));
      this.live = undefined;
      start = end;
    }
    this.settledAt += start;
  }

  private render(text: string, finished: boolean): DocumentFragment {
    return renderBlock(text, this.environment, finished);
  }

  private addBlock(): HTMLElement {
    const block = document.createElement('div');
    block.className = 'block';
    this.root.append(block);
    return block;
  }

  private reset() {
    this.root.replaceChildren();
    this.live = undefined;
    this.shown = '';
    this.settledAt = 0;
    this.environment = {};
  }
}
