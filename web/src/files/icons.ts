// Small drawings, 24 by 24, in the colour of the text; what they mean is said beside them.

const SHAPES = {
  download: 'M12 4v11m-4.5-4.5L12 15l4.5-4.5M5 20h14',
  receipt: 'M6 3.5h12v17l-3-2-3 2-3-2-3 2zM9 8h6M9 12h6',
  remove: 'M4.5 7h15M9.5 7V4.5h5V7M6.5 7l1 12.5h9l1-12.5M10 11v5M14 11v5',
  copy: 'M9 9h10v11H9zM5 15V4h10',
  done: 'M5 12.5l4.5 4.5L19 7.5',
  warning: 'M12 4 2.8 20h18.4zM12 10v4.5M12 17.2v.3',
  folder: 'M3.5 6.5h6l2 2.5h9v10.5h-17z',
  up: 'M7 14.5l5-5 5 5',
  down: 'M7 9.5l5 5 5-5',
} as const

export type IconName = keyof typeof SHAPES

const NAMESPACE = 'http://www.w3.org/2000/svg'

/** Return a new drawing, hidden from who reads by ear. */
export function icon(name: IconName): SVGSVGElement {
  const svg = document.createElementNS(NAMESPACE, 'svg')
  svg.setAttribute('viewBox', '0 0 24 24')
  svg.setAttribute('class', 'icon')
  svg.setAttribute('aria-hidden', 'true')
  const path = document.createElementNS(NAMESPACE, 'path')
  path.setAttribute('d', SHAPES[name])
  svg.append(path)
  return svg
}
