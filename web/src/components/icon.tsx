// Icon: one picture of icons.ts. Decoration only: the control around it has the name.
export function Icon({ path, filled = false }: { path: string; filled?: boolean }) {
  return (
    <svg class={filled ? 'icon filled' : 'icon'} viewBox="0 0 24 24" aria-hidden="true">
      <path d={path} />
    </svg>
  );
}

// Ears, head to the right, long neck.
const kLlama = 'M10.5 8.5 10 4.6c1.6.3 2.7 1.500 3 3.200h1.300l.7-3.200c1.500.8 2.200 2.300 2 4.100 1.600' +
  '.3 3.300 1.400 5.300 1.900 1.700.4 2.200 1.600 2 2.800-.3 1.700-1.700 2.300-3.300 2.300h-4.300' +
  'c-.2 2.700.9 4.600 1.500 7 .5 2 .6 3.600.6 5.300H9.100c-.8-6 .4-9.200.4-13 0-2.300-.1-4.300 1-6.500Z';

/** The llama of the puna, the high grassland of the Andes. */
export function Logo() {
  return (
    <svg class="logo" viewBox="0 0 32 32" aria-hidden="true">
      <rect class="logo-ground" width="32" height="32" rx="10" />
      <path class="logo-llama" d={kLlama} />
      <circle class="logo-ground" cx="16.6" cy="11.6" r="1" />
    </svg>
  );
}
