// Elements, built without markup: what comes from people is text, always.

type Child = Node | string | undefined
type Attributes = Record<string, string | boolean | undefined>

/** Return a new element; `true` sets an attribute without a value, `false` leaves it out. */
export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes))
    if (value !== undefined && value !== false) made.setAttribute(name, value === true ? '' : value)
  for (const child of children) if (child !== undefined) made.append(child)
  return made
}

/** Return the one element below `root` that the page must have. */
export function found<T extends Element>(root: ParentNode, selector: string): T {
  const one = root.querySelector<T>(selector)
  if (one === null) throw new Error(`The page has no ${selector}.`)
  return one
}

/** Return the value of a data attribute that the page must have. */
export function datum(of: HTMLElement, name: string): string {
  const value = of.dataset[name]
  if (value === undefined) throw new Error(`The page tells no ${name}.`)
  return value
}
