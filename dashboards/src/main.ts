// The live status page: asks once a second, shows what came.

import './style.css'
import { showAlarms } from './alarms'
import { buildCharts } from './charts'
import { byId, setAttribute, setText } from './dom'
import { clock, instant, utc, zone } from './format'
import { buildHeadline } from './headline'
import { buildHealth } from './health'
import { monotonic, startPolling } from './poll'
import { buildTables } from './tables'
import { startTips } from './tip'

const health = buildHealth()
const headline = buildHeadline()
const charts = buildCharts()
const tables = buildTables()
startTips()

startPolling(
  'api/v1/status',
  (seen) => {
    const now = monotonic()
    const answer = seen.failure === null ? seen.status : null
    if (answer !== null) {
      headline(answer, now)
      tables(answer)
      const at = instant(answer.now)
      setText(byId('clock'), `${clock(at)} ${zone(at)}`.trim())
      setAttribute(byId('clock'), 'title', utc(at) || null)
    }
    charts(answer, now)
    health(seen)
    showAlarms(seen)
  },
  showAlarms,
)
