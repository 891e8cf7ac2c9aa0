// Sizes, rates and durations as people read them, in the page's language.

const UNITS = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'] as const

const sizeFormats = new Map<string, Intl.NumberFormat>()

/** Return the format of sizes in `unit`, made once: tables show thousands. */
function sizeFormat(unit: string): Intl.NumberFormat {
  let format = sizeFormats.get(unit)
  if (format === undefined) {
    format = new Intl.NumberFormat(document.documentElement.lang, {
      style: 'unit',
      unit,
      unitDisplay: unit === 'byte' ? 'long' : 'short',
      maximumSignificantDigits: 3,
    })
    sizeFormats.set(unit, format)
  }
  return format
}

/** Return `bytes` with three significant digits: 1.23 GB. */
export function formatBytes(bytes: number): string {
  let value = bytes
  let unit = 0
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000
    unit += 1
  }
  return sizeFormat(UNITS[unit] ?? 'byte').format(value)
}

/** Return a duration in its two largest units: 2 h 5 min. */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds))
  const parts: [number, string][] = [
    [Math.floor(whole / 86400), 'day'],
    [Math.floor(whole / 3600) % 24, 'hour'],
    [Math.floor(whole / 60) % 60, 'minute'],
    [whole % 60, 'second'],
  ]
  const first = parts.findIndex(([count]) => count > 0)
  const shown = first < 0 ? parts.slice(-1) : parts.slice(first, first + 2)
  return shown
    .filter(([count], index) => count > 0 || index === 0)
    .map(([count, unit]) =>
      new Intl.NumberFormat(document.documentElement.lang, {
        style: 'unit',
        unit,
        unitDisplay: 'short',
      }).format(count),
    )
    .join(' ')
}
