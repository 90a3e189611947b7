// Dotted words: a short explanation on hover, focus or tap. Escape hides it.

import { byId, el, setAttribute } from './dom'
import { TERMS, type Term } from './terms'

/** A word of the page that explains itself. */
export function term(key: Term, label: string = TERMS[key][0]): HTMLElement {
  const node = el('button', 'term', label)
  node.type = 'button'
  node.dataset['term'] = key
  return node
}

function termOf(target: EventTarget | null): HTMLElement | null {
  return target instanceof Element ? target.closest<HTMLElement>('.term') : null
}

/** Starts the tooltips and fills the glossary. */
export function startTips(): void {
  const tip = byId('tip')
  let shown: HTMLElement | null = null

  const hide = (): void => {
    if (shown !== null) setAttribute(shown, 'aria-describedby', null)
    shown = null
    tip.hidden = true
  }
  const show = (node: HTMLElement): void => {
    hide()
    const key = node.dataset['term'] as Term
    tip.textContent = TERMS[key][1]
    tip.hidden = false
    shown = node
    setAttribute(node, 'aria-describedby', 'tip')
    place(node)
  }
  const place = (node: HTMLElement): void => {
    const at = node.getBoundingClientRect()
    const left = Math.max(8, Math.min(at.left, document.documentElement.clientWidth - tip.offsetWidth - 8))
    const below = at.bottom + 6
    const fits = below + tip.offsetHeight < document.documentElement.clientHeight
    tip.style.left = `${left}px`
    tip.style.top = `${fits ? below : Math.max(8, at.top - tip.offsetHeight - 6)}px`
  }

  document.addEventListener('pointerover', (event) => {
    const node = termOf(event.target)
    if (node !== null && node !== shown) show(node)
  })
  document.addEventListener('pointerout', (event) => {
    if (termOf(event.target) !== null && termOf(event.relatedTarget) !== shown) hide()
  })
  document.addEventListener('focusin', (event) => {
    const node = termOf(event.target)
    if (node !== null) show(node)
  })
  document.addEventListener('focusout', hide)
  document.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') hide()
  })
  // Tab scrolls its next stop into view: then the explanation goes along.
  const scrolled = (): void => {
    if (shown !== null && shown === document.activeElement) place(shown)
    else hide()
  }
  window.addEventListener('scroll', scrolled, { passive: true, capture: true })

  byId('glossary').append(...Object.values(TERMS).map(([name, says]) => el('div', '', el('dt', '', name), el('dd', '', says))))
}
