// icons: the page's pictures as path data on a 24 × 24 grid, drawn as 1.75 px strokes.

export const kNewChatIcon = 'M12 20h8M16.5 4.5a2.1 2.1 0 0 1 3 3L8.5 18.5 4 20l1.5-4.5Z';
export const kSettingsIcon = 'M4 7h9m5 0h2M4 17h2m5 0h9M15.5 4.5a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 ' +
  '0-5ZM8.5 14.5a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5Z';
export const kSendIcon = 'M12 19V5m-6.5 6.5L12 5l6.5 6.5';
export const kStopIcon = 'M6 6h12v12H6Z';
export const kCopyIcon = 'M9 9h10v11H9ZM5 15V4h10';
export const kCopiedIcon = 'm5 12.5 4.5 4.5L19 7.5';
export const kRetryIcon = 'M20 11a8 8 0 1 0-1.5 5.5M20 5v6h-6';
export const kEditIcon = 'M16.5 4.5a2.1 2.1 0 0 1 3 3L8.5 18.5 4 20l1.5-4.5Z';
export const kCloseIcon = 'm6 6 12 12M18 6 6 18';
export const kDeleteIcon = 'M5 7h14M10 7V4.5h4V7M7 7l1 12.5h8L17 7M10.5 11v5m3-5v5';
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
