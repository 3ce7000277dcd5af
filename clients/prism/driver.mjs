// One Prism proxy per official document; each exchange of a flow goes through it. What Prism reports for a response is
// a failed check, unless it stands in `deviations.mjs`; what it reports for our own request is printed as a note.
// SECTIONS: token, ecom, epayment, webhooks. The token section always runs, since every other needs its token.
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { done, need, ok, platform, section, unique } from '../_lib/tap.mjs'
import { DEVIATIONS } from './deviations.mjs'

const PRISM = path.join(need('CLIENT_DIR'), 'node_modules/.bin/prism')
const proxies = []
const met = new Set()
let token = ''

function freePort () {
  return new Promise((resolve, reject) => {
    const server = net.createServer().on('error', reject).listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })
}

// Prism resolves every reference; those into documents that are not at hand are left open.
function withoutForeignReferences (file) {
  const text = fs.readFileSync(file, 'utf8')
  const isAway = (target) => /^https?:/.test(target) || !fs.existsSync(path.join(path.dirname(file), target))
  const open = text.replace(/\$ref:\s*['"]?([^\s'"#]+)(?:#[^\s'"]*)?['"]?/g, (all, target) => isAway(target) ? 'description: defined elsewhere' : all)
  if (open === text) return file
  const copy = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'spec-')), path.basename(file))
  fs.writeFileSync(copy, open)
  return copy
}

// `below`: where the paths of the document begin.
async function proxy (document, below = '') {
  const port = await freePort()
  const file = withoutForeignReferences(document)
  const child = spawn(PRISM, ['proxy', file, platform.base + below, '--port', String(port), '--host', '127.0.0.1', '--errors=false'], { stdio: ['ignore', 'pipe', 'pipe'] })
  proxies.push(child)
  await new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error('prism did not start')), 60000)
    const look = (output) => { if (/is listening/i.test(String(output))) { clearTimeout(late); resolve() } }
    child.stdout.on('data', look)
    child.stderr.on('data', look)
    child.on('exit', (code) => reject(new Error(`prism ended with ${code}`)))
  })
  return `http://127.0.0.1:${port}`
}

const describe = (violation) => `${violation.location.join('.')}: ${violation.message}`

// Sends one request through the proxy, checks status and conformance, and returns the parsed body.
async function exchange (base, name, method, target, { body, headers, status = 200 } = {}) {
  const response = await fetch(base + target, {
    method,
    headers: {
      'ocp-apim-subscription-key': platform.key,
      'merchant-serial-number': platform.msn,
      'vipps-system-name': 'sandkasse',
      'vipps-system-version': '1',
      'vipps-system-plugin-name': 'prism',
      'vipps-system-plugin-version': '1',
      ...(token ? { authorization: `Bearer ${token}` } : {}),
      ...(body ? { 'content-type': 'application/json' } : {}),
      ...headers
    },
    body: body && JSON.stringify(body)
  })
  const text = await response.text()
  const violations = JSON.parse(response.headers.get('sl-violations') || '[]').filter((violation) => violation.severity === 'Error')
  const on = (side) => violations.filter(({ location }) => location?.[0] === side)
  const bad = []
  for (const violation of on('response')) {
    const known = DEVIATIONS.find(([where, what]) => where.test(name) && what.test(describe(violation)))
    if (known) {
      met.add(known)
      console.log(`# deviation: ${name}: ${describe(violation)} (${known[2]})`)
    } else bad.push(violation)
  }
  for (const violation of on('request')) console.log(`# note: ${name}: the document objects to the request: ${describe(violation)}`)
  ok(`${name}: HTTP ${status}`, response.status === status, `${response.status} ${text}`)
  ok(`${name}: the response conforms`, bad.length === 0, bad.map(describe).join('; '))
  try { return JSON.parse(text) } catch { return text }
}

async function tokenFlow () {
  const base = await proxy(need('SPEC_TOKEN'))
  const get = (name, options) => exchange(base, name, 'POST', '/accesstoken/get', { ...options, headers: { client_id: platform.clientId, client_secret: platform.clientSecret, ...options?.headers } })
  token = (await get('token')).access_token
  await get('token, wrong subscription key', { headers: { 'ocp-apim-subscription-key': 'bad' }, status: 401 })
}

async function ecomFlow () {
  const base = await proxy(need('SPEC_ECOM'))
  const merchantInfo = { merchantSerialNumber: platform.msn }
  const order = unique()
  const initiate = {
    merchantInfo: { ...merchantInfo, callbackPrefix: 'https://example.com/callback', fallBack: 'https://example.com/result' },
    customerInfo: { mobileNumber: platform.phone.slice(-8) },
    transaction: { orderId: order, amount: 1000, transactionText: 'One pair of socks' }
  }
  const payments = '/ecomm/v2/payments'
  const change = (amount) => ({ body: { merchantInfo, transaction: { amount, transactionText: 'Socks' } }, headers: { 'x-request-id': unique() } })

  const { url } = await exchange(base, 'ecom initiate', 'POST', payments, { body: initiate })
  await exchange(base, 'ecom capture too early', 'POST', `${payments}/${order}/capture`, { ...change(100), status: 400 })
  const approval = { customerPhoneNumber: platform.phone.slice(-8), token: new URL(url).searchParams.get('token') }
  await exchange(base, 'ecom force approve', 'POST', `/ecomm/v2/integration-test/payments/${order}/approve`, { body: approval })
  await exchange(base, 'ecom details', 'GET', `${payments}/${order}/details`)
  await exchange(base, 'ecom capture', 'POST', `${payments}/${order}/capture`, change(400))
  await exchange(base, 'ecom refund', 'POST', `${payments}/${order}/refund`, change(100))
  await exchange(base, 'ecom cancel captured', 'PUT', `${payments}/${order}/cancel`, { body: { merchantInfo, transaction: { transactionText: 'Socks' } }, status: 400 })
  await exchange(base, 'ecom details at the end', 'GET', `${payments}/${order}/details`)
  await exchange(base, 'ecom duplicate', 'POST', payments, { body: initiate, status: 400 })
  await exchange(base, 'ecom unknown', 'GET', `${payments}/${unique()}/details`, { status: 404 })
}

async function epaymentFlow () {
  const base = await proxy(need('SPEC_EPAYMENT'))
  const reference = unique()
  const payments = '/epayment/v1/payments'
  const nok = (value) => ({ currency: 'NOK', value })
  const keyed = (body, status) => ({ body, status, headers: { 'idempotency-key': unique() } })
  const change = (value, status) => keyed({ modificationAmount: nok(value) }, status)
  const create = {
    amount: nok(1000),
    customer: { phoneNumber: platform.phone },
    paymentMethod: { type: 'WALLET' },
    paymentDescription: 'One pair of socks',
    reference,
    returnUrl: 'https://example.com/result',
    userFlow: 'WEB_REDIRECT',
    metadata: { colour: 'red' }
  }

  await exchange(base, 'epayment create', 'POST', payments, keyed(create, 201))
  await exchange(base, 'epayment get', 'GET', `${payments}/${reference}`)
  await exchange(base, 'epayment capture too early', 'POST', `${payments}/${reference}/capture`, change(100, 400))
  await exchange(base, 'epayment force approve', 'POST', `/epayment/v1/test/payments/${reference}/approve`, { body: { customer: { phoneNumber: platform.phone } } })
  await exchange(base, 'epayment capture', 'POST', `${payments}/${reference}/capture`, change(400))
  await exchange(base, 'epayment capture of too much', 'POST', `${payments}/${reference}/capture`, change(700, 400))
  await exchange(base, 'epayment refund', 'POST', `${payments}/${reference}/refund`, change(100))
  await exchange(base, 'epayment cancel', 'POST', `${payments}/${reference}/cancel`, keyed())
  await exchange(base, 'epayment get at the end', 'GET', `${payments}/${reference}`)
  await exchange(base, 'epayment events', 'GET', `${payments}/${reference}/events`)
  await exchange(base, 'epayment duplicate', 'POST', payments, keyed(create, 409))
  await exchange(base, 'epayment wrong amount', 'POST', payments, keyed({ ...create, reference: unique(), amount: nok(-1) }, 400))
  await exchange(base, 'epayment unknown', 'GET', `${payments}/${unique()}`, { status: 404 })
  await exchange(base, 'epayment wrong subscription key', 'GET', `${payments}/${reference}`, { headers: { 'ocp-apim-subscription-key': 'bad' }, status: 401 })
}

async function webhooksFlow () {
  const base = await proxy(need('SPEC_WEBHOOKS'), '/webhooks')
  const register = (url, status) => ({ body: { url, events: ['epayments.payment.created.v1'] }, status })
  const { id } = await exchange(base, 'webhooks register', 'POST', '/v1/webhooks', register('https://example.com/hook', 201))
  await exchange(base, 'webhooks list', 'GET', '/v1/webhooks')
  await exchange(base, 'webhooks delete', 'DELETE', `/v1/webhooks/${id}`, { status: 204 })
  await exchange(base, 'webhooks delete again', 'DELETE', `/v1/webhooks/${id}`, { status: 400 })
  await exchange(base, 'webhooks wrong address', 'POST', '/v1/webhooks', register('http://example.com/hook', 400))
}

const FLOWS = { token: tokenFlow, ecom: ecomFlow, epayment: epaymentFlow, webhooks: webhooksFlow }
process.env.SECTIONS &&= `token,${process.env.SECTIONS}`
// Deviations are only missed when everything ran.
const whole = !process.env.SECTIONS || Object.keys(FLOWS).every((name) => process.env.SECTIONS.split(',').includes(name))
try {
  for (const [name, flow] of Object.entries(FLOWS)) await section(name, flow)
  for (const row of whole ? DEVIATIONS : []) {
    ok(`deviation still met: ${row[1]}`, met.has(row), `no longer: take it off the list (${row[2]})`)
  }
} finally {
  for (const child of proxies) child.kill()
}
done()
