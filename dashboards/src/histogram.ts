// Customers by their largest absolute drift: one column per bucket.

import { el, setAttribute, setText } from './dom'
import { DASH, integer } from './format'
import { num, rows, type Status } from './status'
import { term } from './tip'

// The tolerance band of customers whose targets name no other.
const BAND_DEFAULT = 0.05

const compact = new Intl.NumberFormat('en-AU', { notation: 'compact', maximumFractionDigits: 1 })
const points = new Intl.NumberFormat('en-AU', { maximumFractionDigits: 2 })

interface Column {
  readonly node: HTMLElement
  readonly bar: HTMLElement
  readonly count: HTMLElement
  readonly label: HTMLElement
}

function column(): Column {
  const [count, bar, label] = [el('span', 'count num'), el('i', 'bar'), el('span', 'upto num')]
  return { node: el('li', '', el('span', 'stem', count, bar), label), bar, count, label }
}

/** Builds the histogram; `update` brings it up to date. */
export function buildHistogram(): { node: HTMLElement; update: (status: Status) => void } {
  const list = el('ul', 'histogram')
  list.setAttribute('aria-label', 'Customers by largest absolute drift')
  const empty = el('p', 'empty soft', DASH)
  const picked = el('span', '')
  const note = el('p', 'note soft', 'up to … percentage points; amber is past the default ', term('band', 'band'), picked)
  const columns: Column[] = []
  return {
    node: el('div', 'histogram-box', list, empty, note),
    update(status) {
      const buckets = rows(status.drift_histogram) ?? []
      while (columns.length < buckets.length) {
        const one = column()
        columns.push(one)
        list.append(one.node)
      }
      for (const spare of columns.splice(buckets.length)) spare.node.remove()
      empty.hidden = buckets.length > 0
      const [sample, all] = [num(status.drift_sample), num(status.customers)]
      const part = sample !== null && all !== null && sample > 0 && sample < all / 2
      setText(picked, part ? `; of ${integer(sample)} customers, evenly picked` : '')
      const most = Math.max(1, ...buckets.map((bucket) => num(bucket['customers']) ?? 0))
      buckets.forEach((bucket, i) => {
        const one = columns[i]
        if (one === undefined) return
        const upto = num(bucket['upto'])
        const below = i === 0 ? 0 : num(buckets[i - 1]?.['upto'])
        const customers = num(bucket['customers'])
        // The last bucket has no upper edge, or one that every drift is below.
        const open = upto === null || upto > 1 || (i > 0 && upto === 1 && i === buckets.length - 1)
        const edge = open ? `>${below === null ? '' : points.format(100 * below)}` : points.format(100 * upto)
        setText(one.count, customers === null ? DASH : compact.format(customers))
        setText(one.label, edge)
        one.bar.style.height = `${(100 * (customers ?? 0)) / most}%`
        const past = below !== null && below >= BAND_DEFAULT - 1e-9 && i > 0
        setAttribute(one.node, 'data-past', past ? 'yes' : null)
        setAttribute(one.node, 'title', `${integer(customers)} customers, largest drift ${open ? 'above' : 'up to'} ${edge.replace('>', '')} percentage points`)
      })
    },
  }
}
