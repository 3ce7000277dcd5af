// Plays requests of the official collections in an order that makes sense, and checks each answer. The requests and
// their scripts are used as they are; only the constant host and the values of the environment are ours.
// SECTIONS: ecom, epayment, webhooks, userinfo, order-management, qr, checkout, report.
import fs from 'node:fs'
import path from 'node:path'
import { createRequire } from 'node:module'
import { done, need, ok, platform, section } from '../_lib/tap.mjs'

const newman = createRequire(need('CLIENT_DIR') + '/')('newman')
const REAL = 'apitest.vipps.no'

// The file below COLLECTIONS whose path matches; the shortest path, should there be several.
function collection (pattern) {
  const found = []
  const walk = (folder, depth) => {
    for (const entry of fs.readdirSync(folder, { withFileTypes: true })) {
      const file = path.join(folder, entry.name)
      if (pattern.test(file)) found.push(file)
      else if (entry.isDirectory() && depth && entry.name !== 'node_modules' && !entry.name.startsWith('.')) walk(file, depth - 1)
    }
  }
  walk(need('COLLECTIONS'), 5)
  if (!found.length) throw new Error(`no collection like ${pattern} below ${need('COLLECTIONS')}`)
  return found.sort((a, b) => a.length - b.length)[0]
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

// A call of the control API, which must succeed.
async function control (method, path, body) {
  const response = await fetch(`${need('PORTAL_URL')}/control/v1${path}`, {
    method,
    headers: body ? { 'content-type': 'application/json' } : {},
    body: body && JSON.stringify(body)
  })
  if (!response.ok) throw new Error(`${method} ${path}: HTTP ${response.status} ${await response.text()}`)
  return response.json()
}

const flat = (items) => items.flatMap((item) => item.item ? flat(item.item) : [item])

// A URL of the collection is a text or an object; both may hold the constant host.
function rehost (request) {
  const url = request.url
  if (Array.isArray(url?.host) && url.host.join('.') === REAL) request.url = url.raw
}

// `plan` rows: name of the request in the collection, name of the check, HTTP status, test of the parsed body.
// `folder`: the collection's folder to look in, where several have requests of one name. `more`: further values.
async function play (file, plan, { folder, more = {} } = {}) {
  const whole = JSON.parse(fs.readFileSync(file, 'utf8').replaceAll(`https://${REAL}`, platform.base))
  const requests = flat(whole.item.filter((item) => !folder || !item.item || item.name === folder))
  for (const item of requests) rehost(item.request)
  const items = plan.map(([name]) => requests.find((item) => item.name === name))
  const missing = plan.filter((_, row) => !items[row]).map(([name]) => name)
  if (missing.length) return ok(`the collection has the requests ${missing.join(', ')}`, false, file)

  const values = {
    base_url: platform.base,
    client_id: platform.clientId,
    client_secret: platform.clientSecret,
    merchantSerialNumber: platform.msn,
    'Ocp-Apim-Subscription-Key': platform.key,
    mobileNumber: platform.phone.slice(-8),
    internationalMobileNumber: platform.phone,
    amount: '49900',
    'X-Request-Id': `rq-${Date.now()}`,
    ...more
  }
  const answers = []
  await new Promise((resolve, reject) => newman.run({
    // Without its id, a request can be played more than once.
    collection: { info: whole.info, item: items.map((item) => ({ ...item, id: undefined })), event: whole.event, variable: whole.variable },
    environment: JSON.parse(fs.readFileSync(need('POSTMAN_ENV'), 'utf8')),
    envVar: Object.entries(values).map(([key, value]) => ({ key, value })),
    delayRequest: 300, // the subject of a profile payment is attached a moment after the approval
    timeoutRequest: 30000
  }).on('request', (error, { response }) => {
    answers.push(error ? { code: 0, text: String(error) } : { code: response.code, text: response.stream?.toString() || '' })
  }).on('done', (error) => error ? reject(error) : resolve()))

  plan.forEach(([, check, status, test], row) => {
    const answer = answers[row] ?? { code: 0, text: 'the request was not sent' }
    let body
    try { body = JSON.parse(answer.text) } catch {}
    ok(check, answer.code === status && (!test || test(body)), `HTTP ${answer.code} ${answer.text}`)
  })
}

await section('ecom', () => play(collection(/ecom-(api.*|v2\.)postman.collection\.json$/), [
  ['Get Access Token', 'ecom: token', 200, (j) => j?.token_type === 'Bearer'],
  ['Initiate Payment', 'ecom: initiate (path with a trailing slash)', 200, (j) => /[?]v=2&token=[^=&]+/.test(j?.url || '')],
  ['Capture Payment', 'ecom: capture before approval', 400, (j) => j?.[0]?.errorCode === '62'],
  ['Force Approve Payment', 'ecom: force approve with an 8 digit number', 200],
  ['Get Payment Details', 'ecom: details', 200, (j) => j?.transactionLogHistory?.[0]?.operation === 'RESERVE'],
  ['Capture Payment', 'ecom: capture of everything, no amount in the body', 200, (j) => j?.transactionSummary?.capturedAmount === 49900],
  ['Cancel Payment', 'ecom: cancel after capture', 400, (j) => j?.[0]?.errorCode === '51'],
  ['Refund Payment', 'ecom: refund of everything, no amount in the body', 200, (j) => j?.transactionSummary?.refundedAmount === 49900],
  ['Get Payment Details', 'ecom: details after refund', 200, (j) => j?.transactionLogHistory?.[0]?.operation === 'REFUND'],
  ['Initiate Payment - Express Checkout', 'ecom: initiate express with static shipping', 200],
  ['Initiate Payment - Profile flow', 'ecom: initiate with scope', 200],
  ['Force Approve Payment', 'ecom: force approve the profile payment', 200],
  ['Get Payment Details', 'ecom: details carry sub', 200, (j) => typeof j?.sub === 'string'],
  ['Get Userinfo', 'ecom: userinfo by sub, without a subscription key', 200, (j) => !!j?.sub && !!j?.name]
]))

await section('epayment', () => play(collection(/epayment-(api-|v1\.)postman.collection\.json$/), [
  ['Get Access Token', 'epayment: token', 200, (j) => j?.token_type === 'Bearer'],
  ['Create payment - Web redirect', 'epayment: create with reference and phoneNumber as bare JSON numbers', 201, (j) => /^\d+$/.test(j?.reference || '') && !!j?.redirectUrl],
  ['Get payment', 'epayment: get', 200, (j) => j?.state === 'CREATED'],
  ['Cancel payment', 'epayment: cancel', 200, (j) => j?.state === 'TERMINATED'],
  ['Get payment event log', 'epayment: events', 200, (j) => Array.isArray(j) && j.some((event) => ['TERMINATED', 'CANCELLED'].includes(event.name))],
  ['Create payment - QR', 'epayment: create QR', 201, (j) => !!j?.redirectUrl]
]))

await section('webhooks', () => play(collection(/webhooks(-v1)?\.postman_collection\.json$/i), [
  ['Get Access Token', 'webhooks: token', 200, (j) => j?.token_type === 'Bearer'],
  ['Register', 'webhooks: register', 201, (j) => !!j?.id && !!j?.secret],
  ['Get All', 'webhooks: list', 200, (j) => Array.isArray(j?.webhooks)],
  ['Delete Last', 'webhooks: delete', 204]
], { more: { callbackUrl: `https://example.com/hook/${Date.now()}` } }))

// The collection waits for a person between payment and details; the person of this test approves unasked.
async function withAPayer (run) {
  const person = `/persons/test/${platform.phone.slice(-8)}`
  await control('PATCH', person, { acts: 'at_once' })
  try { await run() } finally { await control('PATCH', person, { acts: 'by_hand' }) }
}

await section('userinfo', () => withAPayer(async () => {
  const file = collection(/userinfo(-api-|\.)postman.collection\.json$/)
  await play(file, [
    ['Get access token', 'userinfo: token', 200, (j) => j?.token_type === 'Bearer'],
    ['Create payment', 'userinfo: eCom payment with scope', 200, (j) => !!j?.url],
    ['Get payment details', 'userinfo: eCom details carry sub', 200, (j) => typeof j?.sub === 'string'],
    ['Get userinfo', 'userinfo: what was shared through eCom', 200, (j) => !!j?.sub && !!j?.name && !!j?.address && /^\d{4}-\d\d-\d\d$/.test(j?.birthdate) && /^47\d{8}$/.test(j?.phone_number)]
  ], { folder: 'eCom API' })
}))

await section('order-management', async () => {
  // The collection's picture is 32 pixels high, which was allowed until November 2023.
  await control('PATCH', `/sales-units/test/${platform.msn}`, { low_images: true })
  await play(collection(/order-management(-api-|-v2\.)postman.collection\.json$/), [
    ['Get Access Token', 'order management: token', 200, (j) => j?.token_type === 'Bearer'],
    ['Initiate Payment', 'order management: eCom payment', 200, (j) => !!j?.url],
    ['Upload an image', 'order management: picture', 200, (j) => /^imageid_/.test(j?.imageId)],
    ['Add category to an order', 'order management: category with the picture (paymentType eCom)', 200, (j) => UUID.test(j)],
    ['Add receipt to an order', 'order management: receipt', 201, (j) => UUID.test(j)],
    ['Get order with category and receipt', 'order management: both are told', 200, (j) => j?.category?.category === 'GENERAL' && j?.receipt?.orderLines?.length === 3 && j.receipt.bottomLine?.posId === 'vipps_pos_122']
  ])
})

await section('qr', () => play(collection(/qr(-api-|-v1\.)postman.collection\.json$/), [
  ['0. Get Access Token', 'qr: token', 200, (j) => j?.token_type === 'Bearer'],
  ['1. Generate QR', 'qr: redirect code', 200, (j) => /^https?:/.test(j?.url) && j?.expiresIn === -1],
  ['2. Get QR by id', 'qr: read', 200, (j) => j?.redirectUrl === 'https://demo.vipps.no/vipps-express'],
  ['3. Update redirectUrl for id', 'qr: another target', 200, (j) => j?.redirectUrl === 'https://demo.vipps.no/vipps-checkout'],
  ['5. Get all QRs', 'qr: listed', 200, (j) => Array.isArray(j) && j.length === 1],
  ['4. Delete QR by id', 'qr: deleted', 200],
  ['2. Get QR by id', 'qr: gone', 404, (j) => !!j?.title && !!j?.detail && !!j?.instance],
  ['1. Initiate Payment', 'qr: eCom payment', 200, (j) => !!j?.url],
  ['2. Generate OTP QR', 'qr: code of the payment', 200, (j) => /^https?:/.test(j?.url) && j?.expiresIn <= 300 && j.expiresIn > 290]
]))

await section('checkout', () => play(collection(/checkout(-api-|-v3\.)postman.collection\.json$/), [
  ['Create a Checkout session', 'checkout: create', 200, (j) => !!j?.token && !!j?.checkoutFrontendUrl && !!j?.pollingUrl],
  ['Get session info', 'checkout: read', 200, (j) => j?.sessionState === 'SessionCreated']
]))

// Reports are of production alone; the keys are those of the demo sales unit there.
await section('report', async () => {
  const { msn } = (await control('GET', '/sales-units?environment=production')).sales_units.find((unit) => unit.name === 'demo') ?? {}
  const keys = await control('GET', `/sales-units/production/${msn}/keys`)
  await play(collection(/report(-api-|-v1\.)postman.collection\.json$/), [
    ['Get access token', 'report: token of production', 200, (j) => j?.token_type === 'Bearer'],
    ['Get ledgers', 'report: ledgers', 200, (j) => j?.items?.length === 1 && j.items[0].settlesForRecipientHandles?.[0] === `api:${msn}`],
    ['Get ledger transactions', 'report: v1 is not built', 501]
  ], { more: { base_url_production: need('PRODUCTION_URL'), client_id: keys.client_id, client_secret: keys.client_secret, merchantSerialNumber: msn, 'Ocp-Apim-Subscription-Key': keys.primary_subscription_key } })
})
done()
