// Four series over the last five minutes, kept in the page, drawn by uPlot.

import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import { byId, el, setAttribute, setText } from './dom'
import { clock, DASH, rate } from './format'
import { counts, num, total, type Status } from './status'
import type { Term } from './terms'
import { term } from './tip'

const SPAN_S = 300
const SPAN_FIRST_S = 60
// Lines are not drawn across a time without answers.
const GAP_S = 4

interface Line {
  readonly label: string
  readonly title: Term
  readonly colour: '--line-1' | '--line-2'
  readonly value: (status: Status) => number | null
}

interface Chart {
  readonly id: string
  readonly heading: string
  readonly unit: string
  readonly lines: readonly Line[]
}

const CHARTS: readonly Chart[] = [
  { id: 'events', heading: 'Events/s', unit: '', lines: [{ label: 'Events/s', title: 'events', colour: '--line-1', value: (s) => num(s.events?.per_second) }] },
  { id: 'epoch', heading: 'Epoch latency p99', unit: ' ms', lines: [{ label: 'Epoch latency p99', title: 'epoch_latency', colour: '--line-1', value: (s) => num(s.epoch_latency_ms?.p99) }] },
  {
    id: 'breaches',
    heading: 'Breaches and open triggers',
    unit: '',
    lines: [
      { label: 'Breaches', title: 'breach', colour: '--line-2', value: (s) => num(s.breaches) },
      { label: 'Open triggers', title: 'trigger', colour: '--line-1', value: (s) => total(counts(s.triggers)) },
    ],
  },
  { id: 'orders', heading: 'Orders/s', unit: '', lines: [{ label: 'Orders/s', title: 'orders_rate', colour: '--line-1', value: (s) => num(s.orders_per_second) }] },
]

/** The top of an axis: a round number above the largest value. */
function roof(max: number | null): number {
  if (max === null || max <= 0) return 1
  const unit = 10 ** Math.floor(Math.log10(max * 1.05))
  return ([1, 1.5, 2, 3, 4, 5, 6, 8, 10].find((step) => step * unit >= max * 1.05) ?? 10) * unit
}

const axisNumber = new Intl.NumberFormat('en-AU', { notation: 'compact', maximumFractionDigits: 1 })
const axisTime = new Intl.DateTimeFormat('en-AU', { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' })

class Panel {
  readonly node: HTMLElement
  private readonly box = el('div', 'plot')
  private readonly legend: HTMLElement[]
  private readonly when = el('span', 'soft num when')
  private plot: uPlot | null = null

  constructor(
    private readonly chart: Chart,
    private readonly times: number[],
    private readonly series: (number | null)[][],
  ) {
    this.legend = chart.lines.map(() => el('strong', 'num', DASH))
    const keys = chart.lines.map((line, i) => {
      const swatch = el('i', 'swatch')
      swatch.style.background = `var(${line.colour})`
      return el('span', 'key', swatch, term(line.title, line.label), ' ', this.legend[i] ?? null)
    })
    this.box.setAttribute('role', 'img')
    this.node = el('section', 'panel chart', el('div', 'chart-head', el('h2', 'keys', ...keys), this.when), this.box)
    this.node.id = `chart-${chart.id}`
  }

  /** Makes the plot anew, in the colours and at the size of now. */
  build(): void {
    this.plot?.destroy()
    const style = getComputedStyle(document.documentElement)
    const colour = (name: string): string => style.getPropertyValue(name).trim()
    const axis = { stroke: colour('--soft'), grid: { stroke: colour('--grid'), width: 1 }, ticks: { show: false }, font: '11px system-ui, sans-serif' }
    this.plot = new uPlot(
      {
        width: Math.max(80, this.box.clientWidth),
        height: Math.max(80, this.box.clientHeight),
        padding: [8, 20, 0, 0],
        legend: { show: false },
        cursor: { sync: { key: 'status' }, drag: { x: false, y: false }, y: false, points: { size: 6 } },
        scales: {
          x: { time: true, range: () => this.range() },
          y: { range: (_plot, _min, max) => [0, roof(max)] },
        },
        axes: [
          { ...axis, size: 24, space: 70, incrs: [10, 15, 30, 60, 120, 300], values: (_plot, at, _axis, _space, step) => at.map((s) => (step < 60 ? clock(s * 1000) : axisTime.format(s * 1000))) },
          { ...axis, size: 44, space: 26, values: (_plot, at) => at.map((n) => axisNumber.format(n)) },
        ],
        series: [
          {},
          ...this.chart.lines.map((line, i) => ({
            label: line.label,
            stroke: colour(line.colour),
            width: 1.5,
            points: { show: false },
            spanGaps: false,
            ...(i === 0 && this.chart.lines.length === 1 ? { fill: colour('--fill') } : {}),
          })),
        ],
        hooks: { setCursor: [() => this.read()] },
      },
      this.data(),
      this.box,
    )
    this.read()
  }

  resize(): void {
    const [width, height] = [this.box.clientWidth, this.box.clientHeight]
    if (this.plot !== null && width > 0 && (width !== this.plot.width || height !== this.plot.height)) this.plot.setSize({ width, height })
  }

  draw(): void {
    this.plot?.setData(this.data())
    this.read()
  }

  private data(): uPlot.AlignedData {
    return [this.times, ...this.series]
  }

  private range(): [number, number] {
    const end = this.times.at(-1) ?? Date.now() / 1000
    // The window grows from one minute to five as the page watches.
    return [Math.max(end - SPAN_S, Math.min(this.times[0] ?? end, end - SPAN_FIRST_S)), end]
  }

  /** The values beside the heading: at the cursor, or the newest. */
  private read(): void {
    const at = this.plot?.cursor.idx ?? null
    const pointed = at !== null && (this.plot?.cursor.left ?? -1) >= 0
    const i = pointed ? at : this.times.length - 1
    const time = this.times[i]
    setText(this.when, pointed && time !== undefined ? clock(time * 1000) : '')
    const said = this.chart.lines.map((line, l) => {
      const value = this.series[l]?.[i] ?? null
      const shown = value === null ? DASH : `${rate(value)}${this.chart.unit}`
      const node = this.legend[l]
      if (node !== undefined) setText(node, shown)
      return `${line.label} ${shown}`
    })
    setAttribute(this.box, 'aria-label', `${this.chart.heading}, last five minutes: ${said.join(', ')}`)
  }
}

/** Builds the charts; `add` takes an answer, or null for a second without one. */
export function buildCharts(): (status: Status | null, now: number) => void {
  const times: number[] = []
  const all = CHARTS.map((chart) => chart.lines.map((): (number | null)[] => []))
  const panels = CHARTS.map((chart, c) => new Panel(chart, times, all[c] ?? []))
  byId('charts').append(...panels.map((panel) => panel.node))
  for (const panel of panels) panel.build()

  const resized = new ResizeObserver(() => panels.forEach((panel) => panel.resize()))
  for (const panel of panels) resized.observe(panel.node)
  const rebuild = (): void => panels.forEach((panel) => panel.build())
  window.matchMedia('(prefers-color-scheme: dark)').addEventListener('change', rebuild)
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden) panels.forEach((panel) => panel.draw())
  })

  const push = (at: number, value: (line: Line) => number | null): void => {
    times.push(at)
    CHARTS.forEach((chart, c) => chart.lines.forEach((line, l) => all[c]?.[l]?.push(value(line))))
  }
  return (status, now) => {
    const at = now / 1000
    const last = times.at(-1)
    if (last !== undefined && at <= last) return
    if (last !== undefined && at - last > GAP_S) push(at - 0.001, () => null)
    push(at, (line) => (status === null ? null : line.value(status)))
    // One point before the window stays, so that the line begins at its edge.
    const spare = times.findIndex((time) => time >= at - SPAN_S) - 1
    if (spare > 0) {
      times.splice(0, spare)
      for (const series of all.flat()) series.splice(0, spare)
    }
    if (!document.hidden) for (const panel of panels) panel.draw()
  }
}
