// icons: the page's pictures as path data on a 24 × 24 grid, drawn as 1.75 px strokes.

export const kNewChatIcon = 'M12 20h8M16.5 4.5a2.1 2.1 0 0 1 3 3L8.5 18.5 4 20l1.5-4.5Z';
export const kSettingsIcon = 'M4 7h9m5 0h2M4 17h2m5 0h9M15.5 4.5a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 ' +
  '0-5ZM8.5 14.5a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5Z';
export const kSunIcon = 'M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8ZM12 2v2m0 16v2M4.9 4.9l1.4 1.4m11.4 ' +
  '11.4 1.4 1.4M2 12h2m16 0h2M4.9 19.1l1.4-1.4M17.7 6.3l1.4-1.4';
export const kMoonIcon = 'M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5Z';
export const kAutoThemeIcon = 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18Zm0 0v18m0-14 5.5-1.5M12 12l9-.5' +
  'M12 17l6.5.5';
export const kSendIcon = 'M12 19V5m-6.5 6.5L12 5l6.5 6.5';
export const kStopIcon = 'M8 8h8v8H8Z';
export const kCopyIcon = 'M9 9h10v11H9ZM5 15V4h10';
export const kCopiedIcon = 'm5 12.5 4.5 4.5L19 7.5';
export const kRetryIcon = 'M20 11a8 8 0 1 0-1.5 5.5M20 5v6h-6';
export const kEditIcon = 'M16.5 4.5a2.1 2.1 0 0 1 3 3L8.5 18.5 4 20l1.5-4.5Z';
export const kCloseIcon = 'm6 6 12 12M18 6 6 18';
export const kDownIcon = 'M12 5v14m-6.5-6.5L12 19l6.5-6.5';
export const kWarningIcon = 'M12 4 2.5 20h19ZM12 10v4.5m0 2.5v.1';

const kSvg = 'http://www.w3.org/2000/svg';

/** An icon as an element, for code that builds elements without JSX. */
export function svgIcon(path: string): SVGSVGElement {
  const svg = document.createElementNS(kSvg, 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('class', 'icon');
  svg.setAttribute('aria-hidden', 'true');
  const shape = document.createElementNS(kSvg, 'path');
  shape.setAttribute('d', path);
  svg.append(shape);
  return svg;
}
