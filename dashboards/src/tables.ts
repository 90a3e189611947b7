// The newest triggers, decisions, orders and rejected events.

import { byId, el, setAttribute, setChildren, setText } from './dom'
import { clockMillis, DASH, exact, integer, money, percent, utc, words } from './format'
import { num, rows, text, type Row, type Status } from './status'
import { isTerm, type Term } from './terms'
import { term } from './tip'

const SHOWN = 25

interface Column {
  readonly heading: string
  readonly cell: (row: Row) => HTMLTableCellElement
}

interface Table {
  readonly id: 'triggers' | 'decisions' | 'orders' | 'rejected'
  readonly title: Term
  readonly heading: string
  readonly columns: readonly Column[]
}

function plain(heading: string, field: string, show: (value: unknown) => string = (value) => text(value) ?? DASH, name = ''): Column {
  return {
    heading,
    cell: (row) => el('td', name, show(row[field])),
  }
}

/** A number, to the right; what it was exactly, on hover. */
function figure(heading: string, field: string, show: (value: unknown, row: Row) => string): Column {
  return {
    heading,
    cell: (row) => {
      const cell = el('td', 'num right', show(row[field], row))
      setAttribute(cell, 'title', text(row[field]))
      return cell
    },
  }
}

const epoch: Column = {
  heading: 'Time',
  cell: (row) => {
    const ms = num(row['epoch'])
    const time = el('time', '', clockMillis(ms))
    if (utc(ms) !== '') {
      time.dateTime = utc(ms)
      time.title = utc(ms)
    }
    return el('td', 'num', time)
  },
}

const customer: Column = {
  heading: 'Customer',
  cell: (row) => {
    const id = text(row['customer'])
    if (id === null) return el('td', '', DASH)
    const link = el('a', '', id)
    link.href = `api/v1/customers/${encodeURIComponent(id)}`
    return el('td', '', link)
  },
}

/** An id, cut short; whole on hover. */
function id(heading: string, field: string): Column {
  return {
    heading,
    cell: (row) => {
      const whole = text(row[field])
      const cell = el('td', 'id', whole ?? DASH)
      setAttribute(cell, 'title', whole)
      return cell
    },
  }
}

/** A word of a fixed set, with a mark in its colour. */
function state(heading: string, field: string): Column {
  return {
    heading,
    cell: (row) => {
      const chip = el('span', 'chip', words(row[field]))
      setAttribute(chip, 'data-word', text(row[field]))
      return el('td', '', chip)
    },
  }
}

/** Kinds of triggers whose measure is a share. */
const SHARES: readonly unknown[] = ['drift', 'concentration', 'stop_loss', 'drawdown', 'value_at_risk']

/** A share as a percentage, an amount of money as it is. */
function measure(value: unknown, row: Row): string {
  return SHARES.includes(row['kind']) ? percent(value) : money(value)
}

const TABLES: readonly Table[] = [
  {
    id: 'triggers',
    title: 'trigger',
    heading: 'Triggers',
    columns: [epoch, customer, plain('Kind', 'kind', words), plain('Subject', 'subject'), figure('Measure', 'measure', measure), figure('Limit', 'limit', measure), id('Trigger', 'trigger')],
  },
  {
    id: 'decisions',
    title: 'decision',
    heading: 'Decisions',
    columns: [epoch, customer, state('Outcome', 'outcome'), plain('Reason', 'reason', undefined, 'prose'), figure('Orders', 'orders', integer), id('Decision', 'decision')],
  },
  {
    id: 'orders',
    title: 'orders',
    heading: 'Orders',
    columns: [epoch, customer, plain('Instrument', 'instrument'), state('Side', 'side'), figure('Quantity', 'quantity', exact), state('State', 'state'), id('Order', 'order'), id('Block', 'block')],
  },
  {
    id: 'rejected',
    title: 'rejected',
    heading: 'Rejected events',
    columns: [epoch, plain('Source', 'source'), figure('Line', 'line', integer), plain('Field', 'field'), plain('Reason', 'reason', undefined, 'prose')],
  },
]

/** Newest first; a row with no epoch goes last. */
function newest(list: Row[]): Row[] {
  return list.sort((a, b) => (num(b['epoch']) ?? -1) - (num(a['epoch']) ?? -1)).slice(0, SHOWN)
}

function buildTable(table: Table): { node: HTMLElement; update: (value: unknown) => void } {
  const heads = table.columns.map(({ heading }) => {
    const label = heading === 'Block' && isTerm('block') ? term('block') : heading
    const cell = el('th', ['Measure', 'Limit', 'Quantity', 'Line', 'Orders'].includes(heading) ? 'right' : '', label)
    cell.scope = 'col'
    return cell
  })
  const message = el('td', 'soft', DASH)
  message.colSpan = table.columns.length
  const nothing = el('tr', 'nothing', message)
  const body = el('tbody', '', nothing)
  const held = el('span', 'held soft', 'held')
  held.hidden = true
  const scroll = el('div', 'scroll', el('table', '', el('thead', '', el('tr', '', ...heads)), body))
  scroll.tabIndex = 0
  scroll.setAttribute('role', 'region')
  scroll.setAttribute('aria-label', `Latest ${table.heading.toLowerCase()}`)
  const node = el('section', 'panel table', el('h2', '', term(table.title, table.heading), held), scroll)
  node.id = `table-${table.id}`

  let shown = new Map<string, HTMLElement>()
  let newestValue: unknown = null
  let pointed = false

  const draw = (): void => {
    const list = rows(newestValue)
    const next = new Map<string, HTMLElement>()
    for (const row of newest(list ?? [])) {
      let key = JSON.stringify(row)
      while (next.has(key)) key += '+'
      next.set(key, shown.get(key) ?? el('tr', '', ...table.columns.map((column) => column.cell(row))))
    }
    // Rows that have just come are marked until the next ones do; no animation, which costs a repaint a frame.
    const turned = [...next.keys()].some((key) => !shown.has(key))
    if (turned) for (const [key, tr] of next) setAttribute(tr, 'class', shown.size > 0 && !shown.has(key) ? 'fresh' : null)
    shown = next
    setText(message, list === null ? DASH : 'None yet')
    setChildren(body, next.size > 0 ? [...next.values()] : [nothing])
  }
  // Rows do not move while somebody points at them or has a link in focus.
  const inUse = (): boolean => pointed || (body.contains(document.activeElement) && document.hasFocus())
  const settle = (): void => {
    held.hidden = !inUse()
    if (!inUse()) draw()
  }
  body.addEventListener('pointerenter', (event) => {
    pointed = event.pointerType === 'mouse'
    settle()
  })
  body.addEventListener('pointerleave', () => {
    pointed = false
    settle()
  })
  body.addEventListener('focusin', settle)
  body.addEventListener('focusout', () => queueMicrotask(settle))
  return {
    node,
    update(value) {
      newestValue = value
      settle()
    },
  }
}

/** Builds the tables; the function it gives brings them up to date. */
export function buildTables(): (status: Status) => void {
  const tables = TABLES.map((table) => ({ id: table.id, ...buildTable(table) }))
  byId('tables').append(...tables.map((table) => table.node))
  const button = byId('hold')
  let paused = false
  let last: Status | null = null
  const update = (status: Status): void => {
    last = status
    if (!paused) for (const table of tables) table.update(status.latest?.[table.id])
  }
  button.addEventListener('click', () => {
    paused = !paused
    button.setAttribute('aria-pressed', String(paused))
    setText(button, paused ? 'Paused' : 'Pause')
    if (last !== null) update(last)
  })
  return update
}
