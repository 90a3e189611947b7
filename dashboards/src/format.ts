// Numbers and times for people. Nothing known is a dash, always.

import { num, text } from './status'

export const DASH = '–'
const LOCALE = 'en-AU'

const whole = new Intl.NumberFormat(LOCALE, { maximumFractionDigits: 0 })
const one = new Intl.NumberFormat(LOCALE, { minimumFractionDigits: 1, maximumFractionDigits: 1 })
const two = new Intl.NumberFormat(LOCALE, { minimumFractionDigits: 2, maximumFractionDigits: 2 })

/** 1,234,567 */
export function integer(value: unknown): string {
  const n = num(value)
  return n === null ? DASH : whole.format(n)
}

/** Three significant figures where they matter: 0.42, 12.3, 1,234. */
export function rate(value: unknown): string {
  const n = num(value)
  if (n === null) return DASH
  const size = Math.abs(n)
  return (size === 0 || size >= 100 ? whole : size >= 10 ? one : two).format(n)
}

/** 12.3%, from a part and a whole. */
export function share(part: unknown, of: unknown): string {
  const [a, b] = [num(part), num(of)]
  return a === null || b === null || b <= 0 ? DASH : `${one.format((100 * a) / b)}%`
}

/** A ratio such as "0.061234" as 6.12%. */
export function percent(value: unknown): string {
  const n = num(value)
  return n === null ? DASH : `${two.format(100 * n)}%`
}

/** An exact decimal text with grouped thousands and nothing rounded; texts that are no decimal stay as they are. */
export function exact(value: unknown): string {
  const s = text(value)
  if (s === null) return DASH
  const match = /^([+-]?)(\d+)(\.\d+)?$/.exec(s)
  if (match === null) return s
  const fraction = (match[3] ?? '').replace(/\.?0+$/, '')
  return `${match[1] === '-' ? '−' : ''}${(match[2] ?? '').replace(/\B(?=(\d{3})+$)/g, ',')}${fraction}`
}

/** The same, with cents: 1,234.50 */
export function money(value: unknown): string {
  const s = exact(value)
  if (!/^−?[\d,]+(\.\d+)?$/.test(s)) return s
  const [units = s, cents = ''] = s.split('.')
  return `${units}.${cents.padEnd(2, '0')}`
}

const SCALES = [
  [1e12, 'tn'],
  [1e9, 'bn'],
  [1e6, 'm'],
] as const

/** 512.35 bn */
export function short(value: unknown): string {
  const n = num(value)
  if (n === null) return DASH
  for (const [size, unit] of SCALES) {
    if (Math.abs(n) >= size) return `${two.format(n / size)} ${unit}`
  }
  return whole.format(n)
}

/** 1.2 GB */
export function bytes(value: unknown): string {
  let n = num(value)
  if (n === null) return DASH
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  let unit = 0
  while (n >= 1000 && unit < units.length - 1) {
    n /= 1000
    unit += 1
  }
  return `${unit === 0 ? whole.format(n) : one.format(n)} ${units[unit]}`
}

/** 3d 04:05:06 */
export function duration(seconds: unknown): string {
  const n = num(seconds)
  if (n === null || n < 0) return DASH
  const s = Math.floor(n)
  const days = Math.floor(s / 86400)
  const clock = [Math.floor(s / 3600) % 24, Math.floor(s / 60) % 60, s % 60]
  return `${days > 0 ? `${days}d ` : ''}${clock.map((part) => String(part).padStart(2, '0')).join(':')}`
}

/** 850 ms, 12 s, 3 min */
export function span(ms: unknown): string {
  const n = num(ms)
  if (n === null) return DASH
  if (n < 1000) return `${whole.format(n)} ms`
  if (n < 10_000) return `${one.format(n / 1000)} s`
  return n < 120_000 ? `${whole.format(n / 1000)} s` : `${whole.format(n / 60_000)} min`
}

const clockFormat = new Intl.DateTimeFormat(LOCALE, { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' })
const clockMillisFormat = new Intl.DateTimeFormat(LOCALE, {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  fractionalSecondDigits: 3,
  hourCycle: 'h23',
})
const zoneFormat = new Intl.DateTimeFormat(LOCALE, { timeZoneName: 'short' })

/** Milliseconds since 1970, from an RFC 3339 text. */
export function instant(value: unknown): number | null {
  const s = text(value)
  const ms = s === null ? NaN : Date.parse(s)
  return Number.isFinite(ms) ? ms : null
}

/** A time that `Date` can hold. */
function date(ms: number | null): Date | null {
  if (ms === null) return null
  const at = new Date(ms)
  return Number.isNaN(at.getTime()) ? null : at
}

/** 14:03:22 */
export function clock(ms: number | null): string {
  const at = date(ms)
  return at === null ? DASH : clockFormat.format(at)
}

/** 14:03:22.100 */
export function clockMillis(ms: number | null): string {
  const at = date(ms)
  return at === null ? DASH : clockMillisFormat.format(at)
}

/** The name of the browser's time zone at that time. */
export function zone(ms: number | null): string {
  const at = date(ms)
  return at === null ? '' : (zoneFormat.formatToParts(at).find((part) => part.type === 'timeZoneName')?.value ?? '')
}

/** 2026-01-31T03:03:22.100Z */
export function utc(ms: number | null): string {
  return date(ms)?.toISOString() ?? ''
}

/** `partially_filled` as Partially filled */
export function words(value: unknown): string {
  const s = text(value)?.replaceAll('_', ' ')
  return s === undefined ? DASH : s.charAt(0).toUpperCase() + s.slice(1)
}
