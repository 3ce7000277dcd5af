// Plays requests of the official collection in an order that makes sense, and checks each answer. The requests and
// their scripts are used as they are; only the constant host and the values of the environment are ours.
// SECTIONS: ecom.
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

const flat = (items) => items.flatMap((item) => item.item ? flat(item.item) : [item])

// A URL of the collection is a text or an object; both may hold the constant host.
function rehost (request) {
  const url = request.url
  if (Array.isArray(url?.host) && url.host.join('.') === REAL) request.url = url.raw
}

// `plan` rows: name of the request in the collection, name of the check, HTTP status, test of the parsed body.
async function play (file, plan) {
  const whole = JSON.parse(fs.readFileSync(file, 'utf8').replaceAll(`https://${REAL}`, platform.base))
  const requests = flat(whole.item)
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
    'X-Request-Id': `rq-${Date.now()}`
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
done()
