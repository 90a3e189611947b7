// Small helpers over the DOM. Text goes in as text nodes only: nothing here parses markup.

type Child = Node | string | null

/** A new element with a class and children. */
export function el<K extends keyof HTMLElementTagNameMap>(tag: K, name = '', ...children: Child[]): HTMLElementTagNameMap[K] {
  const node = document.createElement(tag)
  if (name !== '') node.className = name
  node.append(...children.filter((child) => child !== null))
  return node
}

/** The element of the page with that id. */
export function byId(id: string): HTMLElement {
  const node = document.getElementById(id)
  if (node === null) throw new Error(`the page has no #${id}`)
  return node
}

/** Sets the text when it differs: what does not change costs no layout and is not read out again. */
export function setText(node: Element, value: string): void {
  if (node.textContent !== value) node.textContent = value
}

/** Sets or removes an attribute when it differs. */
export function setAttribute(node: Element, name: string, value: string | null): void {
  if (value === null) node.removeAttribute(name)
  else if (node.getAttribute(name) !== value) node.setAttribute(name, value)
}

/** Puts `wanted` in as the children, in order; nodes that stay are not moved, so they keep focus. */
export function setChildren(parent: Element, wanted: readonly Node[]): void {
  const keep = new Set(wanted)
  for (const child of [...parent.childNodes]) if (!keep.has(child)) child.remove()
  let next: ChildNode | null = parent.firstChild
  for (const node of wanted) {
    if (node === next) next = next.nextSibling
    else parent.insertBefore(node, next)
  }
}
