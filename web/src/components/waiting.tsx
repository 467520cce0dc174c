// WaitingDots: something is going on. Decoration: the words beside it say what.
export function WaitingDots() {
  return <span class="waiting-dots" aria-hidden="true"><i /><i /><i /></span>;
}
