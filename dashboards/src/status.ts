// The answer of `GET api/v1/status`. While the program starts, any field may be missing or null, so every
// field is `unknown` here and becomes a number, a text or a list only through the functions below.

/** Any field of T, or nothing. */
type Loose<T> = { readonly [K in keyof T]?: (T[K] extends object ? Loose<T[K]> : unknown) | null }

export type Row = Readonly<Record<string, unknown>>

interface Quantiles {
  p50: unknown
  p99: unknown
  p999: unknown
}

export type Status = Loose<{
  version: unknown
  mode: unknown
  now: unknown
  started: unknown
  uptime_s: unknown
  epoch: unknown
  epoch_ms: unknown
  epoch_lag_ms: unknown
  customers: unknown
  instruments: unknown
  base_currency: unknown
  assets_under_management: unknown
  events: { accepted: unknown; per_second: unknown; rejected: unknown; duplicates: unknown }
  epoch_latency_ms: Quantiles
  tick_to_trigger_ms: Quantiles
  trigger_to_order_ms: Quantiles
  breaches: unknown
  customers_out_of_band: unknown
  triggers: Record<string, unknown>
  decisions: { trade: unknown; hold: unknown }
  orders: Record<string, unknown>
  orders_per_second: unknown
  actors: { live: unknown; queued: unknown }
  anomalies: unknown
  session: unknown
  clickhouse: { state: unknown; lag_epochs: unknown; rows: unknown; rows_per_second: unknown; url: unknown }
  monitor: { mode: unknown; woken: Quantiles; epochs: Record<string, unknown> }
  log: { state: unknown; bytes: unknown; events: unknown }
  drift_histogram: unknown
  drift_sample: unknown
  latest: { triggers: unknown; decisions: unknown; orders: unknown; rejected: unknown }
}>

/** A finite number, from a number or a text that is one; otherwise null. */
export function num(value: unknown): number | null {
  if (typeof value === 'string' && value.trim() === '') return null
  if (typeof value !== 'number' && typeof value !== 'string') return null
  const n = Number(value)
  return Number.isFinite(n) ? n : null
}

/** A text that is not empty, from a text, number or boolean; otherwise null. */
export function text(value: unknown): string | null {
  if (typeof value === 'string') return value === '' ? null : value
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : null
  return typeof value === 'boolean' ? String(value) : null
}

/** The objects of a list; null when it is not a list. */
export function rows(value: unknown): Row[] | null {
  if (!Array.isArray(value)) return null
  return value.filter((row): row is Row => typeof row === 'object' && row !== null && !Array.isArray(row))
}

/** The numbers of an object of counts; null when it is not one. */
export function counts(value: unknown): Map<string, number | null> | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null
  return new Map(Object.entries(value).map(([key, n]) => [key, num(n)]))
}

/** The sum of the numbers that are there; null when none is. */
export function total(of: Map<string, number | null> | null): number | null {
  const known = [...(of?.values() ?? [])].filter((n) => n !== null)
  return known.length === 0 ? null : known.reduce((sum, n) => sum + n, 0)
}
