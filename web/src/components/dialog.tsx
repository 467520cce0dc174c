// Dialog: the browser's own modal, which keeps the focus inside, closes on Esc and gives it back.
import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';

interface DialogProps {
  open: boolean;
  titleId: string;
  kind: 'side' | 'middle';
  onClose: () => void;
  children: ComponentChildren;
}

export function Dialog({ open, titleId, kind, onClose, children }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const element = dialog.current;
    if (!element || element.open === open) return;
    if (open) element.showModal();
    else element.close();
  }, [open]);
  return (
    <dialog
      ref={dialog}
      class={`dialog ${kind}`}
      aria-labelledby={titleId}
      onClose={onClose}
      onClick={(event) => {
        // The dialog itself is hit only outside its content: on the backdrop.
        if (event.target === event.currentTarget) event.currentTarget.close();
      }}
    >
      {open && <div class="dialog-content">{children}</div>}
    </dialog>
  );
}
