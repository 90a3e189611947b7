// Browser test of the status page, against a program that is running.
//
//   node tests/status.mjs BASE_URL [SCREENSHOT_DIR]
//
// EVENKEEL_PID       the program's process id: it is killed in the last step, to see the banner. Without it that step fails.
// EVENKEEL_CHROMIUM  the browser; /usr/bin/chromium unless given.
//
// Prints a line per test and 'N passed, N failed'; exits non-zero when one failed.
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { chromium } from 'playwright-core'

const [base, shots] = process.argv.slice(2)
if (base === undefined) {
  console.error('usage: node tests/status.mjs BASE_URL [SCREENSHOT_DIR]')
  process.exit(2)
}
const home = new URL(base)
if (shots !== undefined) await mkdir(shots, { recursive: true })

let passed = 0
let failed = 0
async function test(name, run) {
  try {
    await run()
    passed += 1
    console.log(`ok      ${name}`)
  } catch (error) {
    failed += 1
    console.log(`FAILED  ${name}\n        ${String(error?.message ?? error).split('\n').slice(0, 6).join('\n        ')}`)
  }
}
function assert(holds, says) {
  if (!holds) throw new Error(says)
}
const shot = (page, name, whole = false) =>
  shots === undefined ? null : page.screenshot({ path: join(shots, `${name}.png`), fullPage: whole, animations: 'disabled' })

const browser = await chromium.launch({
  executablePath: process.env.EVENKEEL_CHROMIUM ?? '/usr/bin/chromium',
  headless: true,
  args: [
    '--headless',
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ],
})

const errors = []
const foreign = []
/** A page of its own; what goes wrong in it is collected. `lenient` pages may see failed requests: they are made to. */
async function open({ lenient = false, answer, ...options } = {}) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, colorScheme: 'dark', ...options })
  const page = await context.newPage()
  page.on('pageerror', (error) => errors.push(`page error: ${error.message}`))
  page.on('console', (message) => {
    if (message.type() === 'error' && !(lenient && message.text().startsWith('Failed to load resource'))) errors.push(`console: ${message.text()}`)
  })
  page.on('request', (request) => {
    const url = new URL(request.url())
    if (url.protocol.startsWith('http') && url.host !== home.host) foreign.push(request.url())
  })
  if (answer !== undefined) await page.route('**/api/v1/status', answer)
  await page.goto(home.href)
  return page
}

/** Waits until `check`, run in the page, gives something true. */
const until = (page, check, arg, timeout = 15_000) => page.waitForFunction(check, arg, { timeout, polling: 200 })
const textOf = (page, selector) => page.locator(selector).first().innerText()
const alarm = (page, key, timeout = 15_000) => page.locator(`#banner [data-alarm="${key}"]`).waitFor({ state: 'visible', timeout })
const noOverflow = (page) => page.evaluate(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth)

/** Pixels of each chart that have the colour of one of its lines. */
const inkOf = (page) =>
  page.evaluate(() => {
    const style = getComputedStyle(document.documentElement)
    const colours = ['--line-1', '--line-2'].map((name) => {
      const hex = style.getPropertyValue(name).trim()
      return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16))
    })
    return [...document.querySelectorAll('.chart canvas')].map((canvas) => {
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
      let ink = 0
      for (let i = 0; i < data.length; i += 4) {
        if (data[i + 3] > 200 && colours.some((colour) => colour.every((part, c) => Math.abs(part - data[i + c]) < 24))) ink += 1
      }
      return ink
    })
  })

const NEVER = /\bNaN\b|undefined|\[object|\bnull\b|Infinity|Invalid Date/
async function assertClean(page) {
  const text = await page.evaluate(() => document.body.innerText + [...document.querySelectorAll('[title],[aria-label]')].map((node) => `${node.title} ${node.ariaLabel ?? ''}`).join('\n'))
  const found = NEVER.exec(text)
  assert(found === null, `the page says ${JSON.stringify(found?.[0])}: …${text.slice(Math.max(0, (found?.index ?? 0) - 60), (found?.index ?? 0) + 30)}…`)
}

/** Ends the test with what is known so far. */
async function end() {
  await browser.close()
  console.log(`${passed} passed, ${failed} failed`)
  process.exit(failed === 0 ? 0 : 1)
}

let page
await test('the page opens', async () => {
  page = await open()
})
if (page === undefined) await end()

await test('live numbers appear', async () => {
  await until(page, () => document.querySelector('#live')?.dataset.state === 'ok', undefined, 60_000)
  for (const key of ['customers', 'instruments', 'aum', 'events', 'epoch_latency']) {
    await until(page, (id) => /\d/.test(document.getElementById(`value-${id}`).textContent), key, 60_000)
  }
})

await test('headline numbers are those of the program', async () => {
  const status = await (await fetch(new URL('api/v1/status', home))).json()
  const grouped = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, ',')
  for (const [id, value] of [['value-customers', status.customers], ['value-instruments', status.instruments]]) {
    assert((await textOf(page, `#${id}`)) === grouped(value), `#${id} is ${await textOf(page, `#${id}`)}, the program says ${value}`)
  }
  assert((await textOf(page, '#mode')).toLowerCase() === status.mode, 'the mode differs')
})

await test('the health strip knows all six parts', async () => {
  for (const key of ['log', 'dataflow', 'monitor', 'actors', 'clickhouse', 'session']) {
    await until(page, (id) => !['unknown', null].includes(document.getElementById(`health-${id}`).getAttribute('data-level')), key, 30_000)
  }
})

await test('numbers change over time', async () => {
  const read = () => page.evaluate(() => [...document.querySelectorAll('#tiles .value, #tiles .below, #panels .num')].map((node) => node.textContent))
  const before = await read()
  const clock = await textOf(page, '#clock')
  await page.waitForTimeout(4000)
  const after = await read()
  assert((await textOf(page, '#clock')) !== clock, 'the clock stands still')
  const changed = after.filter((text, i) => text !== before[i]).length
  assert(changed >= 3, `only ${changed} of ${after.length} numbers changed in 4 s`)
})

await test('asks once a second', async () => {
  let asked = 0
  const count = (request) => {
    if (request.url().endsWith('/api/v1/status')) asked += 1
  }
  page.on('request', count)
  await page.waitForTimeout(5000)
  page.off('request', count)
  assert(asked >= 4 && asked <= 6, `${asked} questions in 5 s`)
})

await test('charts have lines', async () => {
  await page.waitForTimeout(3000)
  const ink = await inkOf(page)
  assert(ink.length === 4 && ink.every((pixels) => pixels >= 5), `pixels in the lines' colours: ${ink.join(', ')}`)
})

await test('the histogram has columns', async () => {
  await until(page, () => [...document.querySelectorAll('.histogram .bar')].some((bar) => bar.getBoundingClientRect().height > 5), undefined, 30_000)
})

await test('latest rows link to their customers, and the links answer', async () => {
  const link = page.locator('#tables a[href*="api/v1/customers/"]').first()
  await link.waitFor({ state: 'visible', timeout: 60_000 })
  const href = await link.evaluate((node) => node.href)
  const answer = await fetch(href)
  assert(answer.status === 200, `${new URL(href).pathname} answers ${answer.status}`)
})

await test('links to the raw data answer', async () => {
  for (const path of ['metrics', 'healthz', 'api/v1/customers', 'api/v1/status', 'licences.txt']) {
    assert((await page.locator(`footer a[href="${path}"]`).count()) === 1, `no link to ${path}`)
    const answer = await fetch(new URL(path, home))
    assert(answer.status === 200, `/${path} answers ${answer.status}`)
  }
})

await test('works from the keyboard', async () => {
  await page.evaluate(() => document.activeElement?.blur())
  await page.keyboard.press('Tab')
  assert(await page.evaluate(() => document.activeElement?.matches('.skip')), 'the first stop is not the skip link')
  await page.keyboard.press('Tab')
  assert(await page.locator('#tip').isVisible(), 'no explanation on focus')
  assert(await page.evaluate(() => document.activeElement?.getAttribute('aria-describedby') === 'tip'), 'the explanation is not tied to its word')
  await page.keyboard.press('Escape')
  assert(await page.locator('#tip').isHidden(), 'Escape does not hide the explanation')
  const link = page.locator('#table-triggers a, #table-decisions a, #table-orders a').first()
  await link.focus()
  const id = await link.innerText()
  await page.waitForTimeout(2500)
  assert((await page.evaluate(() => document.activeElement?.textContent)) === id, 'a link in a moving table lost its focus')
  await page.evaluate(() => document.activeElement?.blur())
  await page.locator('#hold').focus()
  await page.keyboard.press('Enter')
  assert((await page.locator('#hold').getAttribute('aria-pressed')) === 'true', 'Pause does not pause')
  await page.keyboard.press('Enter')
  await page.locator('#legend summary').focus()
  await page.keyboard.press('Enter')
  assert(await page.locator('#glossary').isVisible(), 'the legend does not open')
  await page.keyboard.press('Enter')
})

await test('says no NaN, undefined or null; fits its window', async () => {
  await assertClean(page)
  assert(await noOverflow(page), 'the page is wider than the window')
  await page.evaluate(() => {
    document.activeElement?.blur()
    window.scrollTo(0, 0)
  })
  await shot(page, 'desktop-dark', true)
})

await test('follows the system to light', async () => {
  const back = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor)
  const dark = await back()
  await page.emulateMedia({ colorScheme: 'light' })
  assert((await back()) !== dark, 'light looks like dark')
  await page.waitForTimeout(1500)
  assert((await inkOf(page)).every((pixels) => pixels >= 5), 'charts were not redrawn in the colours of light')
  await shot(page, 'desktop-light')
  await page.emulateMedia({ colorScheme: 'dark' })
})

await test('works at 390 px', async () => {
  const phone = await open({ viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true })
  await until(phone, () => document.querySelector('#live')?.dataset.state === 'ok')
  await phone.waitForTimeout(4000)
  await shot(phone, 'phone-top')
  assert(await noOverflow(phone), 'the page is wider than the phone')
  const outside = await phone.evaluate(() =>
    [...document.querySelectorAll('.tile .value, .list dd, .health strong, .plot canvas, h1, h2')].filter((node) => {
      const box = node.getBoundingClientRect()
      return box.width > 0 && (box.left < 0 || box.right > innerWidth)
    }).map((node) => node.textContent || node.tagName),
  )
  assert(outside.length === 0, `outside the window: ${outside.join(', ')}`)
  await assertClean(phone)
  await shot(phone, 'phone', true)
  await phone.context().close()
})

// What follows changes the program's answer on its way to the page.
let real
await test('the status is JSON', async () => {
  real = await (await fetch(new URL('api/v1/status', home))).json()
})
if (real === undefined) await end()
const fresh = () => ({ ...structuredClone(real), now: new Date().toISOString(), epoch_lag_ms: 100 })
const json = (make) => (route) => route.fulfill({ json: make() })

await test('an answer with nothing in it gives dashes', async () => {
  const nothing = (value) => (Array.isArray(value) ? null : typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, nothing(inner)])) : null)
  const top = Object.fromEntries(Object.keys(real).map((key) => [key, null]))
  for (const body of [{}, top, nothing(real)]) {
    const other = await open({ answer: json(() => body) })
    await until(other, () => document.querySelector('#live')?.dataset.state === 'ok')
    await other.waitForTimeout(1300)
    await assertClean(other)
    const values = await other.locator('#tiles .value').allInnerTexts()
    assert(values.every((value) => value === '–'), `values: ${values.join(' ')}`)
    await other.context().close()
  }
})

await test('an answer of the wrong types breaks nothing', async () => {
  const swap = (value, by) => (typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, swap(inner, by)])) : by)
  const bodies = ['x', '', [], {}, true, -1, 1e300, [null, 1, 'x', {}]].flatMap((by) => [swap(real, by), Object.fromEntries(Object.keys(real).map((key) => [key, by]))])
  let at = 0
  const other = await open({ answer: json(() => bodies[at++ % bodies.length]) })
  for (const _ of bodies) {
    const now = at
    await until(other, () => true)
    while (at === now) await other.waitForTimeout(50)
    await other.waitForTimeout(60)
    await assertClean(other)
  }
  assert(await noOverflow(other), 'the page is wider than the window')
  await other.context().close()
})

await test('texts from data stay texts', async () => {
  const evil = '<img src=x onerror="window.broken=1"><b>"\'/?#'
  const row = { epoch: 1767225600100, trigger: evil, decision: evil, order: evil, block: evil, customer: evil, kind: evil, subject: evil, measure: evil, limit: evil, outcome: evil, reason: evil, instrument: evil, side: evil, quantity: evil, state: evil, source: evil, line: evil, field: evil }
  const body = () => ({ ...fresh(), version: evil, mode: evil, base_currency: evil, session: evil, triggers: { [evil]: 1 }, orders: { [evil]: 1 }, drift_histogram: [{ upto: evil, customers: 1 }], latest: { triggers: [row], decisions: [row], orders: [row], rejected: [row] } })
  const other = await open({ answer: json(body) })
  await other.locator('#table-triggers tbody a').waitFor()
  const found = await other.evaluate(() => ({ broken: window.broken, markup: document.querySelectorAll('main img, main b').length, href: document.querySelector('#table-triggers a').getAttribute('href') }))
  assert(found.broken === undefined && found.markup === 0, 'markup in data was rendered')
  assert(found.href === `api/v1/customers/${encodeURIComponent(evil)}`, `the link is ${found.href}`)
  assert(await noOverflow(other), 'the page is wider than the window')
  await other.setViewportSize({ width: 390, height: 844 })
  assert(await noOverflow(other), 'the page is wider than a phone')
  await other.context().close()
})

await test('banner when ClickHouse is down', async () => {
  const other = await open({ answer: json(() => ({ ...fresh(), clickhouse: { ...real.clickhouse, state: 'down', lag_epochs: 412 } })) })
  await alarm(other, 'clickhouse')
  assert((await other.locator('#health-clickhouse').getAttribute('data-level')) === 'bad', 'the health strip does not say so')
  assert((await other.title()).includes('ClickHouse is down'), 'the title does not say so')
  await shot(other, 'clickhouse-down')
  await other.context().close()
})

await test('banner when the data is older than 5 s', async () => {
  const frozen = fresh()
  const other = await open({ answer: json(() => frozen) })
  await until(other, () => document.querySelector('#live')?.dataset.state === 'ok')
  assert((await other.locator('#banner [data-alarm]').count()) === 0, 'a banner before 5 s')
  await alarm(other, 'old', 9000)
  await other.unroute('**/api/v1/status')
  await other.route('**/api/v1/status', json(fresh))
  await other.locator('#banner [data-alarm]').waitFor({ state: 'detached', timeout: 5000 })
  await other.unroute('**/api/v1/status')
  await other.route('**/api/v1/status', json(() => ({ ...fresh(), epoch_lag_ms: 9000 })))
  await alarm(other, 'old', 5000)
  await other.context().close()
})

await test('banner when the program answers with an error, gone when it is well again', async () => {
  const other = await open({ lenient: true, answer: (route) => route.fulfill({ status: 503, body: 'starting' }) })
  await alarm(other, 'unreachable')
  assert((await textOf(other, '#banner')).includes('HTTP 503'), 'the banner does not say why')
  await other.unroute('**/api/v1/status')
  await until(other, () => document.querySelector('#live')?.dataset.state === 'ok')
  assert((await other.locator('#banner [data-alarm="unreachable"]').count()) === 0, 'the banner stays')
  await other.context().close()
})

await test('no errors in the console', async () => assert(errors.length === 0, [...new Set(errors)].join('\n')))
await test('no requests to other hosts', async () => assert(foreign.length === 0, [...new Set(foreign)].join('\n')))

await test('banner when the program is killed', async () => {
  const pid = Number(process.env.EVENKEEL_PID)
  assert(Number.isInteger(pid) && pid > 1, 'EVENKEEL_PID is not set: nothing to kill')
  await page.evaluate(() => window.scrollTo(0, 0))
  process.kill(pid, 'SIGKILL')
  await alarm(page, 'unreachable', 15_000)
  assert((await page.locator('#live').getAttribute('data-state')) === 'bad', 'the connection is still called live')
  await until(page, () => document.querySelector('#health-log').getAttribute('data-level') === 'unknown')
  await page.waitForTimeout(2000)
  await assertClean(page)
  await shot(page, 'killed')
})
const late = errors.filter((error) => error.startsWith('page error'))
if (late.length > 0) await test('no page errors after that', async () => assert(false, late.join('\n')))

await end()
