// What is wrong, from what is known: the banner, the state of the connection, the title of the window.

import { byId, el, setAttribute, setChildren, setText } from './dom'
import { clock, integer, span } from './format'
import type { Seen } from './poll'
import { num, text } from './status'

/** Data older than this is called old. */
export const OLD_MS = 5000

export interface Alarm {
  readonly key: string
  readonly level: 'bad' | 'warn'
  readonly title: string
  /** May change every second; not read out again. */
  readonly detail: string
}

/** Whether the program is out of reach: one lost answer in a row is forgiven. */
export function unreachable(seen: Seen): boolean {
  return seen.failures >= 2 || (seen.failures === 1 && seen.status === null)
}

/** How old what the page shows is: the age of the answer, or of the epoch in it. */
export function dataAge(seen: Seen): number | null {
  if (seen.ageMs === null) return null
  return Math.max(seen.ageMs, num(seen.status?.epoch_lag_ms) ?? 0)
}

/** All that is wrong, worst first. */
export function alarms(seen: Seen): Alarm[] {
  const { status } = seen
  const list: Alarm[] = []
  const age = dataAge(seen)
  if (unreachable(seen)) {
    const last = seen.at === null ? 'There has been no answer since this page was opened' : `What is shown is from ${clock(seen.at)}, ${span(seen.ageMs)} ago`
    list.push({ key: 'unreachable', level: 'bad', title: 'The program does not answer.', detail: `${last} (${seen.failure ?? 'no answer'}).` })
  } else if (age !== null && age > OLD_MS) {
    const behind = (num(status?.epoch_lag_ms) ?? 0) >= age
    const why = behind ? 'The dataflow is behind the market.' : 'The program has sent nothing newer.'
    list.push({ key: 'old', level: 'bad', title: 'The data shown is old:', detail: `${span(age)}. ${why}` })
  }
  if (status === null) return list
  if (text(status.log?.state) === 'failed') {
    list.push({ key: 'log', level: 'bad', title: 'The event log has failed.', detail: 'No new event is being recorded.' })
  }
  if (text(status.clickhouse?.state) === 'down') {
    const lag = num(status.clickhouse?.lag_epochs)
    const behind = lag === null ? '' : ` It is ${integer(lag)} ${lag === 1 ? 'epoch' : 'epochs'} behind.`
    list.push({ key: 'clickhouse', level: 'bad', title: 'ClickHouse is down.', detail: `Processing goes on; rows will catch up from the log.${behind}` })
  }
  if (text(status.session) === 'halted') {
    list.push({ key: 'halted', level: 'warn', title: 'The market is halted.', detail: 'No orders are being sent.' })
  }
  return list
}

const shown = new Map<string, { node: HTMLElement; title: HTMLElement; detail: HTMLElement }>()

/** Brings the banner, the connection's state and the window's title up to date. */
export function showAlarms(seen: Seen): void {
  const list = alarms(seen)
  const nodes = list.map((alarm) => {
    let entry = shown.get(alarm.key)
    if (entry === undefined) {
      const title = el('strong')
      const detail = el('span')
      // Only the title is announced: the detail counts seconds.
      detail.setAttribute('aria-live', 'off')
      entry = { node: el('p', 'alarm', title, ' ', detail), title, detail }
      entry.node.dataset['alarm'] = alarm.key
      shown.set(alarm.key, entry)
    }
    setAttribute(entry.node, 'data-level', alarm.level)
    setText(entry.title, alarm.title)
    setText(entry.detail, alarm.detail)
    return entry.node
  })
  for (const key of shown.keys()) if (!list.some((alarm) => alarm.key === key)) shown.delete(key)
  setChildren(byId('banner'), nodes)

  const old = list.some((alarm) => alarm.key === 'unreachable' || alarm.key === 'old')
  setAttribute(document.body, 'data-old', old ? 'yes' : null)
  const state = seen.status === null && seen.failure === null ? 'unknown' : old ? 'bad' : 'ok'
  setAttribute(byId('live'), 'data-state', state)
  setText(byId('live-text'), state === 'unknown' ? 'Connecting' : unreachable(seen) ? 'No answer' : old ? 'Old data' : 'Live')
  const worst = list[0]
  document.title = worst === undefined ? 'Evenkeel status' : `⚠ ${worst.title.replace(/[.:]$/, '')} – Evenkeel`
}
