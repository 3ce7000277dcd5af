// A browser that notices what a page must not do: errors on its console, refused scripts, calls to other hosts.
import { createRequire } from 'node:module'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { need, platform, unique } from '../_lib/tap.mjs'

const require = createRequire(`${need('CLIENT_DIR')}/`)
const { chromium } = require('playwright-core')
const AXE = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8')

export const portal = need('PORTAL_URL').replace(/\/+$/, '')
export const production = need('PRODUCTION_URL').replace(/\/+$/, '')
export { platform, unique }

export const PHONE = { width: 390, height: 844 }
export const DESK = { width: 1280, height: 860 }

const engine = await chromium.launch({
  executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--disable-background-networking', '--disable-component-update']
})

// What went wrong on any page of any visit.
export const complaints = []

// Somebody with a browser of their own: no cookies, one page. Not `watched` is who visits pages that attack ours: there,
// what a browser refuses is no complaint.
export async function visit ({ viewport = DESK, dark = false, language = 'en', script = true, watched = true } = {}) {
  const context = await engine.newContext({
    viewport,
    colorScheme: dark ? 'dark' : 'light',
    locale: language,
    javaScriptEnabled: script,
    reducedMotion: 'reduce'
  })
  await context.addInitScript(() => {
    // Event listeners of a page cannot be asked for later: who is attacked calls this.
    window.alert = (text) => { window.attacked = String(text) }
    document.addEventListener('securitypolicyviolation', (event) => console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`))
  })
  const watch = (page) => {
    page.setDefaultTimeout(15_000)
    page.on('console', (message) => {
      // A page that answers 4xx on purpose is no complaint.
      if (message.type() === 'error' && !/Failed to load resource/.test(message.text())) complaints.push(`${page.url()}: ${message.text()}`)
    })
    page.on('pageerror', (error) => complaints.push(`${page.url()}: ${error}`))
    page.on('request', (request) => {
      const host = new URL(request.url()).hostname
      if (!request.isNavigationRequest() && host !== '127.0.0.1' && !request.url().startsWith('data:')) complaints.push(`${page.url()}: calls ${request.url()}`)
    })
  }
  context.on('page', watched ? watch : (page) => page.setDefaultTimeout(15_000))
  return { context, page: await context.newPage() }
}

export const end = () => engine.close()

// Whether a process of the browser died, as Debian's Chromium 156.0.8078.79 did once or twice a run on a busy machine (2026-11-23).
export const died = (error) => /(Target|Page) crashed|has been closed|Not attached to an active page/.test(error)

// Signs in as the first user of this role, as a person would: choose, and confirm with the stand-in for BankID.
export async function signIn (page, role = 'admin', next = '/units') {
  await page.goto(`${portal}/sign-in?next=${encodeURIComponent(next)}`)
  await page.getByRole('button', { name: new RegExp(role, 'i') }).first().click()
  await page.getByRole('button', { name: /^sign as/i }).click()
  await page.waitForURL((url) => url.pathname === new URL(next, portal).pathname)
}

// Logs in to this person's phone with the PIN that every test person has.
export async function logIn (page, number, path = `/phone/${number}`) {
  await page.goto(portal + path)
  const phone = page.locator(`#phone-${number}`)
  await phone.getByLabel('PIN').fill('1236')
  await phone.getByRole('button', { name: /^(log in|logg inn)$/i }).click()
  await phone.getByRole('heading', { name: /to answer|å svare på/i }).waitFor()
  return phone
}

// Opens an address; answers what came. The page of a payment goes on by itself, so it may be on its way elsewhere just now.
export async function go (page, address) {
  let why = 'something else opened'
  for (let step = 0; step < 5; step++) {
    await page.goto('about:blank').catch(() => {})
    const answer = await page.goto(address).catch((error) => { why = error })
    if (answer) return answer
    await page.waitForTimeout(150)
  }
  throw new Error(`${address} does not open: ${why}`)
}

// Looks at what is shown. The page of a payment goes on by itself, also while it is looked at: then the next one is what is shown.
async function shown (page, look) {
  for (let left = 4; ; left--) {
    try { return await look() } catch (error) {
      if (!left || !/Execution context was destroyed/.test(error)) throw error
      await page.waitForLoadState()
    }
  }
}

// What axe finds serious or critical.
export const barriers = (page) => shown(page, async () => {
  await page.evaluate(AXE)
  return await page.evaluate(async () => {
    const { violations } = await window.axe.run(document, { resultTypes: ['violations'] })
    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map(({ html, any }) => `${html.slice(0, 120)} ${any[0]?.message ?? ''}`).join(' | ')}`)
  })
})

// Whether the page is wider than the window.
export const overflow = (page) => shown(page, () =>
  page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth))

// The control API, as a test may use it.
export async function control (method, path, body) {
  const answer = await fetch(`${portal}/control/v1${path}`, {
    method,
    headers: body === undefined ? {} : { 'content-type': 'application/json' },
    body: body === undefined ? undefined : JSON.stringify(body)
  })
  const text = await answer.text()
  const value = text ? JSON.parse(text) : null
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`)
  return value
}

// Somebody made for one check.
export const person = (traits = {}) => control('POST', '/persons', traits)

// A sales unit of one's own, whose clock nobody else moves; it calls shops on this machine.
export async function ownShop (traits = {}) {
  const { environment, msn } = await control('POST', '/sales-units', { url_policy: 'local', tokens_survive_advance: true, ...traits })
  const keys = await control('GET', `/sales-units/${environment}/${msn}/keys`)
  const shop = new Shop({
    base: keys.base_url.replace(/\/+$/, ''),
    clientId: keys.client_id,
    clientSecret: keys.client_secret,
    key: keys.primary_subscription_key,
    msn
  })
  shop.advance = (span) => control('POST', `/sales-units/${environment}/${msn}/advance`, span)
  return shop
}

// A web server on this machine, on a port of its own: a shop's, or a stranger's. What `answer` gives nothing for waits.
export async function serve (answer) {
  const server = createServer(async (request, response) => {
    const pieces = []
    for await (const piece of request) pieces.push(piece)
    const said = await answer(request, Buffer.concat(pieces).toString())
    if (!said) return
    const { status = 200, type = 'text/html; charset=utf-8', text = '', headers = {} } = said
    response.writeHead(status, { 'content-type': type, ...headers }).end(text)
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  // Who throws in a check does not close; the program ends all the same.
  server.unref()
  server.on('connection', (socket) => socket.unref())
  const { port } = server.address()
  const close = () => new Promise((resolve) => { server.close(resolve); server.closeAllConnections() })
  return { port, base: `http://127.0.0.1:${port}`, close }
}

// A merchant's own calls, with the demo unit's keys or others.
export class Shop {
  constructor (keys = platform) { this.keys = keys }

  async token () {
    const { base, clientId, clientSecret, key } = this.keys
    const answer = await fetch(`${base}/accesstoken/get`, {
      method: 'POST',
      headers: { client_id: clientId, client_secret: clientSecret, 'Ocp-Apim-Subscription-Key': key }
    })
    return (await answer.json()).access_token
  }

  async call (method, path, body, headers = {}) {
    this.bearer ??= await this.token()
    const answer = await fetch(`${this.keys.base}${path}`, {
      method,
      headers: {
        Authorization: `Bearer ${this.bearer}`,
        'Ocp-Apim-Subscription-Key': this.keys.key,
        'Merchant-Serial-Number': this.keys.msn,
        'Content-Type': 'application/json',
        ...headers
      },
      body: body === undefined ? undefined : JSON.stringify(body)
    })
    const text = await answer.text()
    let value = text
    try { value = JSON.parse(text) } catch {}
    return { status: answer.status, explain: answer.headers.get('explain'), body: value }
  }

  // Starts a payment; answers the payer's link.
  async initiate (order, amount = 49900, more = {}) {
    const { merchantInfo = {}, transaction = {}, customerInfo = {} } = more
    const answer = await this.call('POST', '/ecomm/v2/payments', {
      customerInfo,
      merchantInfo: {
        merchantSerialNumber: this.keys.msn,
        callbackPrefix: 'http://127.0.0.1:9/callbacks',
        fallBack: `http://127.0.0.1:9/thanks/${order}`,
        paymentType: 'eComm Regular Payment',
        ...merchantInfo
      },
      transaction: { orderId: order, amount, transactionText: 'One pair of socks', ...transaction }
    })
    if (answer.status !== 200) throw new Error(`initiate ${order}: ${answer.status} ${JSON.stringify(answer.body)}`)
    return answer.body.url
  }

  details (order) { return this.call('GET', `/ecomm/v2/payments/${order}/details`) }
}
