// The health strip: log, dataflow, actors, ClickHouse, market.

import { OLD_MS, unreachable } from './alarms'
import { byId, el, setAttribute, setText } from './dom'
import { bytes, DASH, integer, span, words } from './format'
import type { Seen } from './poll'
import { num, text, type Status } from './status'
import type { Term } from './terms'
import { term } from './tip'

type Level = 'ok' | 'warn' | 'bad' | 'rest' | 'unknown'
type Finding = readonly [level: Level, word: string, detail: string]

// Marks differ in shape as well as in colour.
const MARKS: Record<Level, string> = { ok: '✓', warn: '!', bad: '✕', rest: '◦', unknown: '?' }
const UNKNOWN: Finding = ['unknown', 'Unknown', DASH]

/** A lag that is short, noticeable or too long. */
function byLag(ms: number): Level {
  return ms > OLD_MS ? 'bad' : ms > OLD_MS / 2 ? 'warn' : 'ok'
}

function log({ log }: Status): Finding {
  const state = text(log?.state)
  const detail = `${integer(log?.events)} events · ${bytes(log?.bytes)}`
  if (state === null) return UNKNOWN
  return state === 'ok' ? ['ok', 'OK', detail] : [state === 'failed' ? 'bad' : 'warn', words(state), detail]
}

function dataflow(status: Status): Finding {
  const lag = num(status.epoch_lag_ms)
  if (lag === null) return UNKNOWN
  const level = byLag(lag)
  const step = num(status.epoch_ms)
  return [level, level === 'ok' ? 'On time' : 'Behind', `lag ${span(lag)}${step === null ? '' : ` · epoch ${span(step)}`}`]
}

// The textbook engine has no monitor: then there is nothing to say.
function monitor({ monitor }: Status): Finding {
  const mode = text(monitor?.mode)
  if (mode === null) return ['rest', 'None', DASH]
  return ['ok', words(mode), `woken ${integer(monitor?.woken?.p50)} · p99 ${integer(monitor?.woken?.p99)}`]
}

function actors({ actors }: Status): Finding {
  const live = num(actors?.live)
  if (live === null) return UNKNOWN
  return ['ok', live > 0 ? 'Working' : 'Idle', `${integer(live)} live · ${integer(actors?.queued)} queued`]
}

function clickhouse({ clickhouse, epoch_ms }: Status): Finding {
  const state = text(clickhouse?.state)
  if (state === null) return UNKNOWN
  const lag = num(clickhouse?.lag_epochs)
  const detail = `lag ${integer(lag)} ${lag === 1 ? 'epoch' : 'epochs'} · ${integer(clickhouse?.rows_per_second)} rows/s`
  if (state === 'down') return ['bad', 'Down', detail]
  if (state !== 'up') return ['warn', words(state), detail]
  const level = byLag((lag ?? 0) * (num(epoch_ms) ?? 0))
  return level === 'ok' ? ['ok', 'Up', detail] : [level, 'Behind', detail]
}

function market({ session }: Status): Finding {
  const state = text(session)
  if (state === null) return UNKNOWN
  const level: Level = state === 'open' ? 'ok' : state === 'halted' ? 'warn' : 'rest'
  return [level, words(state), state === 'open' ? 'orders are sent' : 'no orders are sent']
}

const PARTS: readonly (readonly [Term, string, (status: Status) => Finding])[] = [
  ['log', 'Log', log],
  ['dataflow', 'Dataflow', dataflow],
  ['monitor', 'Monitor', monitor],
  ['actors', 'Actors', actors],
  ['clickhouse', 'ClickHouse', clickhouse],
  ['session', 'Market', market],
]

/** Builds the strip; the function it gives brings it up to date. */
export function buildHealth(): (seen: Seen) => void {
  const items = PARTS.map(([key, label, find]) => {
    const mark = el('span', 'mark', MARKS.unknown)
    mark.setAttribute('aria-hidden', 'true')
    const word = el('strong', '', 'Unknown')
    const detail = el('span', 'soft num', DASH)
    const node = el('li', '', mark, el('span', 'what', term(key, label), word), detail)
    node.id = `health-${key}`
    return { node, mark, word, detail, find }
  })
  byId('health').append(...items.map((item) => item.node))
  return (seen) => {
    for (const { node, mark, word, detail, find } of items) {
      const [level, says, more] = seen.status === null || unreachable(seen) ? UNKNOWN : find(seen.status)
      setAttribute(node, 'data-level', level)
      setText(mark, MARKS[level])
      setText(word, says)
      setText(detail, more)
    }
  }
}
