// IconButton: a button that shows only a picture: its name is a label for those who listen, and a tip on
// hover and focus for those who look.
import { Icon } from './icon.tsx';

interface IconButtonProps {
  name: string;
  icon: string;
  onClick?: () => void;
  /** Where the tip has room; below and towards the start unless said otherwise. */
  tip?: 'above' | 'above-end' | 'below-end';
  class?: string;
  filled?: boolean;
  type?: 'button' | 'submit';
  disabled?: boolean;
}

export function IconButton(props: IconButtonProps) {
  return (
    <button
      type={props.type ?? 'button'}
      class={`${props.class ?? 'icon-button'} tipped ${props.tip ?? 'below-end'}`}
      aria-label={props.name}
      aria-disabled={props.disabled}
      data-tip={props.name}
      onClick={props.onClick}
    >
      <Icon path={props.icon} filled={props.filled ?? false} />
    </button>
  );
}
