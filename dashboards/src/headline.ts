// Headline numbers: the tiles, and the panels of small tables below them.

import { byId, el, setAttribute, setChildren, setText } from './dom'
import { DASH, duration, integer, money, rate, share, short, span, words } from './format'
import { buildHistogram } from './histogram'
import { counts, num, text, total, type Status } from './status'
import { isTerm, type Term } from './terms'
import { term } from './tip'

const KEPT_MS = 300_000

/** A tile: a label, a large value, a line below. */
function tile(key: Term, label?: string): { node: HTMLElement; set: (value: string, below: string, title?: string) => void } {
  const value = el('div', 'value num', DASH)
  value.id = `value-${key}`
  const below = el('div', 'below soft num', ' ')
  return {
    node: el('div', 'tile', el('div', 'label', term(key, label)), value, below),
    set(now, line, title) {
      setText(value, now)
      setText(below, line)
      setAttribute(value, 'title', title ?? null)
    },
  }
}

/** A panel: a heading and whatever is below it. */
function panel(id: string, heading: Node, ...body: Node[]): HTMLElement {
  const node = el('section', 'panel', el('h2', '', heading), ...body)
  node.id = `panel-${id}`
  return node
}

/** A list of labels and values; values are set by key, unknown keys are added at the end. */
function list(first: readonly (readonly [key: string, label: Node])[]): { node: HTMLElement; set: (key: string, value: string, label?: () => Node) => void } {
  const node = el('dl', 'list')
  const values = new Map<string, HTMLElement>()
  const add = (key: string, label: Node): HTMLElement => {
    const value = el('dd', 'num', DASH)
    value.dataset['key'] = key
    node.append(el('div', '', el('dt', '', label), value))
    values.set(key, value)
    return value
  }
  for (const [key, label] of first) add(key, label)
  return {
    node,
    set(key, value, label) {
      setText(values.get(key) ?? add(key, label?.() ?? document.createTextNode(words(key))), value)
    },
  }
}

/** A counter's growth in the last five minutes, as far as the page has seen. */
function growth(): (value: number | null, now: number) => number | null {
  let kept: (readonly [at: number, value: number])[] = []
  return (value, now) => {
    if (value === null) return null
    const last = kept.at(-1)
    // A smaller count is a restarted program.
    if (last !== undefined && value < last[1]) kept = []
    kept.push([now, value])
    kept = kept.filter(([at]) => at >= now - KEPT_MS)
    return value - (kept[0]?.[1] ?? value)
  }
}

function buildTiles(): (status: Status) => void {
  const tiles = {
    aum: tile('aum'),
    customers: tile('customers'),
    instruments: tile('instruments'),
    out: tile('out_of_band'),
    triggers: tile('trigger', 'Open triggers'),
    events: tile('events', 'Events/s'),
    epoch: tile('epoch_latency', 'Epoch p99'),
    lag: tile('clickhouse_lag'),
  }
  tiles.aum.node.classList.add('wide')
  byId('tiles').append(...Object.values(tiles).map((one) => one.node))
  return (status) => {
    const currency = text(status.base_currency)
    const aum = money(status.assets_under_management)
    const aumShort = short(status.assets_under_management)
    tiles.aum.set(aumShort, aum === DASH ? DASH : `${currency ?? ''} ${aum}`.trim())
    tiles.customers.set(integer(status.customers), `${integer(status.actors?.live)} actors live`)
    tiles.instruments.set(integer(status.instruments), `${integer(status.anomalies)} anomalies`)
    tiles.out.set(integer(status.customers_out_of_band), `${share(status.customers_out_of_band, status.customers)} · ${integer(status.breaches)} breaches`)
    const kinds = counts(status.triggers)
    const [open, drift] = [total(kinds), kinds?.get('drift') ?? null]
    tiles.triggers.set(integer(open), open === null || drift === null ? DASH : `${integer(drift)} drift · ${integer(open - drift)} other`)
    tiles.events.set(rate(status.events?.per_second), `${integer(status.events?.accepted)} accepted`)
    const latency = status.epoch_latency_ms
    tiles.epoch.set(num(latency?.p99) === null ? DASH : `${rate(latency?.p99)} ms`, `p50 ${rate(latency?.p50)} ms`)
    const lag = num(status.clickhouse?.lag_epochs)
    const step = num(status.epoch_ms)
    tiles.lag.set(integer(lag), `${lag === 1 ? 'epoch' : 'epochs'}${lag === null || step === null ? '' : ` · ${span(lag * step)}`}`)
  }
}

const QUANTILES = ['p50', 'p99', 'p999'] as const

function buildLatency(): { node: HTMLElement; update: (status: Status) => void } {
  const kinds = [
    ['epoch_latency_ms', 'epoch_latency', 'Epoch'],
    ['tick_to_trigger_ms', 'tick_to_trigger', 'Tick → trigger'],
    ['trigger_to_order_ms', 'trigger_to_order', 'Trigger → order'],
  ] as const
  const cells = kinds.map(([field, key, label]) => {
    const values = QUANTILES.map((quantile) => {
      const cell = el('td', 'num', DASH)
      cell.dataset['key'] = `${field}.${quantile}`
      return cell
    })
    const head = el('th', '', term(key, label))
    head.scope = 'row'
    return { field, values, row: el('tr', '', head, ...values) }
  })
  const head = ['ms', 'p50', 'p99', 'p99.9'].map((name) => {
    const cell = el('th', '', name)
    cell.scope = 'col'
    return cell
  })
  const table = el('table', 'grid', el('thead', '', el('tr', '', ...head)), el('tbody', '', ...cells.map((one) => one.row)))
  const flow = list([
    ['orders_per_second', term('orders_rate', 'Orders/s')],
    ['epoch_ms', term('epoch', 'Epoch length')],
    ['epoch_lag_ms', term('dataflow', 'Dataflow lag')],
  ])
  return {
    node: panel('latency', el('span', '', 'Latency, ', term('percentile', 'percentiles')), table, flow.node),
    update(status) {
      for (const { field, values } of cells) {
        values.forEach((cell, i) => setText(cell, rate(status[field]?.[QUANTILES[i] ?? 'p50'])))
      }
      flow.set('orders_per_second', rate(status.orders_per_second))
      flow.set('epoch_ms', span(status.epoch_ms))
      flow.set('epoch_lag_ms', span(status.epoch_lag_ms))
    },
  }
}

/** Kinds of triggers that come with a new portfolio. */
const CHANGES: readonly string[] = ['risk_profile_change', 'goal_near', 'calendar', 'pod_volatility']

function buildDecisions(): { node: HTMLElement; update: (status: Status) => void } {
  const triggers = list([
    ['drift', term('drift_trigger', 'Drift')],
    ['tax_opportunity', term('tax_opportunity', 'Tax opportunity')],
    ['concentration', term('concentration', 'Concentration')],
    ['stop_loss', term('stop_loss', 'Stop-loss')],
    ['drawdown', term('drawdown', 'Drawdown')],
    ['value_at_risk', term('value_at_risk', 'Value at risk')],
    ['cash_flow', term('cash_flow', 'Cash flow')],
    ['portfolio_change', term('portfolio_change', 'Portfolio change')],
    ['manual', term('manual', 'Manual')],
  ])
  const outcomes = list([
    ['trade', term('trade')],
    ['hold', term('hold')],
  ])
  const bar = el('div', 'split', el('i'))
  bar.setAttribute('aria-hidden', 'true')
  return {
    node: panel('decisions', term('trigger', 'Open triggers'), triggers.node, el('h2', 'second', term('decision', 'Decisions')), outcomes.node, bar),
    update(status) {
      const open = counts(status.triggers)
      const [changes, others] = [true, false].map((of) => [...(open ?? [])].filter(([kind]) => CHANGES.includes(kind) === of))
      for (const [kind, n] of others ?? []) triggers.set(kind, integer(n))
      triggers.set('portfolio_change', integer(total(new Map(changes))))
      const [trade, hold] = [num(status.decisions?.trade), num(status.decisions?.hold)]
      const all = (trade ?? 0) + (hold ?? 0)
      const line = (n: number | null): string => (all > 0 && n !== null ? `${integer(n)} · ${share(n, all)}` : integer(n))
      outcomes.set('trade', line(trade))
      outcomes.set('hold', line(hold))
      bar.style.setProperty('--part', all > 0 ? `${(100 * (trade ?? 0)) / all}%` : '0%')
    },
  }
}

function buildOrders(): { node: HTMLElement; update: (status: Status) => void } {
  const states = ['pending_new', 'new', 'partially_filled', 'filled', 'canceled', 'rejected_order', 'expired'] as const
  const orders = list(states.map((state) => [state.replace('_order', ''), term(state)] as const))
  return {
    node: panel('orders', term('orders'), orders.node),
    update(status) {
      for (const [state, n] of counts(status.orders) ?? []) {
        orders.set(state, integer(n), isTerm(state) ? () => term(state) : undefined)
      }
    },
  }
}

function buildData(): { node: HTMLElement; update: (status: Status, now: number) => void } {
  const data = list([
    ['accepted', term('log', 'Events in log')],
    ['clickhouse_lag', term('clickhouse_lag')],
    ['rows', document.createTextNode('Rows stored')],
    ['rows_per_second', document.createTextNode('Rows/s')],
    ['rejected', term('rejected')],
    ['duplicates', term('duplicates')],
    ['anomalies', term('anomalies')],
  ])
  const grown = growth()
  return {
    node: panel('data', document.createTextNode('Store and data quality'), data.node),
    update(status, now) {
      const lag = num(status.clickhouse?.lag_epochs)
      data.set('accepted', integer(status.log?.events))
      data.set('clickhouse_lag', lag === null ? DASH : `${integer(lag)} ${lag === 1 ? 'epoch' : 'epochs'}`)
      data.set('rows', integer(status.clickhouse?.rows))
      data.set('rows_per_second', integer(status.clickhouse?.rows_per_second))
      const rejected = num(status.events?.rejected)
      const more = grown(rejected, now)
      data.set('rejected', `${more !== null && more > 0 ? `+${integer(more)}/5 min · ` : ''}${integer(rejected)}`)
      data.set('duplicates', integer(status.events?.duplicates))
      data.set('anomalies', integer(status.anomalies))
    },
  }
}

/** Builds tiles and panels; the function it gives brings them up to date. */
export function buildHeadline(): (status: Status, now: number) => void {
  const tiles = buildTiles()
  const parts = [buildLatency(), buildDecisions(), buildOrders(), buildData()]
  const histogram = buildHistogram()
  setChildren(byId('panels'), [...parts.map((part) => part.node), panel('drift', el('span', '', 'Customers by largest ', term('drift', 'drift')), histogram.node)])
  return (status, now) => {
    setText(byId('mode'), words(status.mode))
    setText(byId('version'), text(status.version) === null ? '' : `v${text(status.version)}`)
    setText(byId('uptime'), duration(status.uptime_s))
    tiles(status)
    for (const part of parts) part.update(status, now)
    histogram.update(status)
  }
}
