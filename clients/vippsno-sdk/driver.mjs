// The first official Node SDK, unmodified. [upstream] marks what its own tests asserted of the real test environment.
// Success bodies must come as application/json, or the package answers null.
// SECTIONS: epayment, checkout.
import { createRequire } from 'node:module'
import { done, need, ok, platform, section, unique } from '../_lib/tap.mjs'

const sdk = createRequire(need('CLIENT_DIR') + '/')('@vippsno/vipps-sdk')
const LIMIT_MS = 90000
const nok = (value) => ({ currency: 'NOK', value })
const make = (changed = {}) => {
  const config = {
    clientId: platform.clientId,
    clientSecret: platform.clientSecret,
    subscriptionKey: platform.key,
    merchantSerialNumber: platform.msn,
    pluginName: 'sandkasse',
    pluginVersion: '1',
    vippsSystemName: 'sandkasse',
    vippsSystemVersion: '1',
    useTestMode: true,
    ...changed
  }
  const Vipps = sdk.Vipps || sdk.default?.Vipps || sdk.default
  return typeof Vipps === 'function' ? new Vipps(config) : { ePayment: new sdk.EPayment(config), checkout: new sdk.Checkout(config) }
}
const { ePayment, checkout } = make()
const soon = (promise) => Promise.race([promise, new Promise((resolve, reject) => {
  setTimeout(() => reject(new Error(`no answer within ${LIMIT_MS} ms`)), LIMIT_MS).unref()
})])
const refused = (answer) => answer?.ok === false
const order = () => ({
  amount: nok(100),
  reference: unique(),
  paymentMethod: { type: 'WALLET' },
  userFlow: 'WEB_REDIRECT',
  returnUrl: 'https://example.com/test',
  customer: { phoneNumber: platform.phone }
})

// The package repeats every failure four times with growing pauses, 4xx too: about 15 seconds each, so side by side.
async function fails (name, call, pattern) {
  try { ok(name, false, { returned: await soon(call) }) } catch (error) { ok(name, pattern.test(error.message), error) }
}

await section('epayment', async () => {
  const first = order()
  const created = await soon(ePayment.createPayment(first))
  ok('epayment: create', created?.reference === first.reference && /^https?:/.test(created.redirectUrl), created)
  const cancelled = await soon(ePayment.cancelPayment(first.reference))
  ok('epayment: cancel answers TERMINATED [upstream]', cancelled?.state === 'TERMINATED' && cancelled.reference === first.reference, cancelled)
  const ended = await soon(ePayment.getPayment(first.reference))
  ok('epayment: get answers TERMINATED [upstream]', ended?.state === 'TERMINATED' && ended.reference === first.reference, ended)

  const { reference, amount } = await soon(ePayment.createPayment(order())).then((made) => ({ ...made, amount: nok(100) }))
  const forced = await soon(ePayment.forceApprovePayment(reference, { customer: { phoneNumber: platform.phone } }))
  ok('epayment: force approve', !refused(forced), forced)
  const captured = await soon(ePayment.capturePayment(reference, { modificationAmount: amount }))
  ok('epayment: full capture is AUTHORIZED with the payment\'s amount [upstream]', captured?.state === 'AUTHORIZED' && captured.amount?.value === 100 && captured.amount.currency === 'NOK', captured)
  const refunded = await soon(ePayment.refundPayment(reference, { modificationAmount: amount }))
  ok('epayment: full refund is AUTHORIZED with the payment\'s amount [upstream]', refunded?.state === 'AUTHORIZED' && refunded.amount?.value === 100, refunded)
  const events = await soon(ePayment.getPaymentEventLog(reference))
  const once = (name) => events.filter((event) => event.name === name).length === 1
  ok('epayment: four events, one of each [upstream]', Array.isArray(events) && events.length === 4 && ['CREATED', 'AUTHORIZED', 'CAPTURED', 'REFUNDED'].every(once), events)

  const open = order()
  await soon(ePayment.createPayment(open))
  await Promise.all([
    fails('epayment: capture before approval is 400, or 429 for the fifth try', ePayment.capturePayment(open.reference, { modificationAmount: nok(100) }), /statusCode=4(00|29)/),
    fails('epayment: unknown reference is 404', ePayment.getPayment(unique()), /statusCode=404/),
    fails('token: wrong subscription key is 401', make({ subscriptionKey: 'bad' }).ePayment.getPayment(open.reference), /path=\/accesstoken\/get.*statusCode=401.*invalid subscription key/s),
    fails('epayment: foreign MSN refused', make({ merchantSerialNumber: '999999' }).ePayment.createPayment(order()), /statusCode=4\d\d/)
  ])
})

await section('checkout', async () => {
  const reference = unique()
  const url = 'https://your-url-here.com:3000'
  const created = await soon(checkout.createSession({
    merchantInfo: { callbackAuthorizationToken: 't', callbackUrl: url, returnUrl: url },
    transaction: { amount: nok(100), reference, paymentDescription: 'A pair of socks' }
  }))
  ok('checkout: session', !refused(created) && !!created?.token && !!created.pollingUrl, created)
  const details = await soon(checkout.getSessionDetails(reference))
  ok('checkout: details give the reference [upstream]', details?.reference === reference, details)
})
done()
