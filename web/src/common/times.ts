// Times come from the server in UTC; people read them in their own zone.

/** Rewrite each <time datetime="…"> below `root` in the reader's zone and language. */
export function showLocalTimes(root: ParentNode): void {
  const format = new Intl.DateTimeFormat(document.documentElement.lang, {
    dateStyle: 'medium',
    timeStyle: 'short',
  })
  for (const element of root.querySelectorAll<HTMLTimeElement>('time[datetime]')) {
    const at = new Date(element.dateTime)
    if (Number.isNaN(at.getTime())) continue
    element.title = element.dateTime
    element.textContent = format.format(at)
  }
}
