// The official JavaScript SDK, unmodified. What is marked [recorded] was seen on the real platform.
// SECTIONS: token, epayment, webhooks, checkout. The token section always runs, since every other needs its token.
import { createRequire } from 'node:module'
import { done, need, ok, platform, section, unique } from '../_lib/tap.mjs'

const { Client } = createRequire(need('CLIENT_DIR') + '/')('@vippsmobilepay/sdk')
const nok = (value) => ({ currency: 'NOK', value })
const client = (changed = {}) => Client({
  merchantSerialNumber: platform.msn,
  subscriptionKey: platform.key,
  useTestMode: true,
  retryRequests: false,
  systemName: 'sandkasse',
  systemVersion: '1',
  ...changed
})
const shop = client()
const { auth, checkout, payment, webhook } = shop

const isJwt = (text) => {
  try { return JSON.parse(Buffer.from(text.split('.')[1], 'base64url')).exp > Date.now() / 1000 } catch { return false }
}
const issued = await auth.getToken(platform.clientId, platform.clientSecret)
ok('token: issued', issued.ok && issued.data.token_type === 'Bearer' && isJwt(issued.data.access_token), issued)
ok('token: numbers are strings [recorded]', ['expires_in', 'ext_expires_in', 'expires_on', 'not_before'].every((name) => typeof issued.data?.[name] === 'string'), issued)
const token = issued.data?.access_token

await section('token', async () => {
  const key = await client({ subscriptionKey: '0'.repeat(32) }).auth.getToken(platform.clientId, platform.clientSecret)
  ok('token: wrong subscription key has the gateway body', !key.ok && key.error?.statusCode === 401 && key.error.message === 'Access denied due to invalid subscription key. Make sure to provide a valid key for an active subscription.', key)
  const id = await auth.getToken('00000000-0000-0000-0000-000000000000', platform.clientSecret)
  ok('token: unknown client_id is AADSTS700016 [recorded]', !id.ok && id.error?.error === 'unauthorized_client' && /^AADSTS700016/.test(id.error.error_description) && id.error.error_codes?.[0] === 700016, id)
  const secret = await auth.getToken(platform.clientId, 'not-the-secret')
  ok('token: wrong client_secret is invalid_client', !secret.ok && secret.error?.error === 'invalid_client', secret)
})

const order = (changed = {}) => ({
  amount: nok(1000),
  paymentMethod: { type: 'WALLET' },
  customer: { phoneNumber: platform.phone },
  returnUrl: 'https://example.com/redirect',
  userFlow: 'WEB_REDIRECT',
  paymentDescription: 'One pair of socks',
  reference: unique(),
  ...changed
})
const payer = { customer: { phoneNumber: platform.phone } }

await section('epayment', async () => {
  const asked = order({ metadata: { colour: 'red' } })
  const { reference } = asked
  const created = await payment.create(token, asked)
  ok('epayment: create', created.ok && created.data.reference === reference && /^https?:\/\//.test(created.data.redirectUrl), created)
  const open = await payment.info(token, reference)
  const sums = ['authorizedAmount', 'cancelledAmount', 'capturedAmount', 'refundedAmount']
  ok('epayment: CREATED with zero sums', open.ok && open.data.state === 'CREATED' && sums.every((name) => open.data.aggregate?.[name]?.value === 0 && open.data.aggregate[name].currency === 'NOK'), open)
  ok('epayment: metadata, pspReference and method', open.ok && open.data.metadata?.colour === 'red' && !!open.data.pspReference && open.data.paymentMethod?.type === 'WALLET', open)
  const early = await payment.capture(token, reference, { modificationAmount: nok(100) })
  ok('epayment: capture before approval refused', !early.ok, early)
  const forced = await payment.forceApprove(token, reference, payer)
  ok('epayment: force approve', forced.ok, forced)
  const approved = await payment.info(token, reference)
  ok('epayment: AUTHORIZED for the full amount', approved.ok && approved.data.state === 'AUTHORIZED' && approved.data.aggregate.authorizedAmount.value === 1000, approved)
  const part = await payment.capture(token, reference, { modificationAmount: nok(400) })
  ok('epayment: partial capture', part.ok && part.data.reference === reference && part.data.state === 'AUTHORIZED' && part.data.aggregate.capturedAmount.value === 400, part)
  ok('epayment: the amount of a capture is the payment\'s [recorded]', part.ok && part.data.amount?.value === 1000, part)
  const over = await payment.capture(token, reference, { modificationAmount: nok(700) })
  ok('epayment: over-capture refused with a problem', !over.ok && typeof over.error?.title === 'string' && !!over.error.type, over)
  const back = await payment.refund(token, reference, { modificationAmount: nok(100) })
  ok('epayment: partial refund', back.ok && back.data.aggregate.refundedAmount.value === 100, back)
  const more = await payment.refund(token, reference, { modificationAmount: nok(400) })
  ok('epayment: refund above what was captured refused', !more.ok, more)
  const rest = await payment.cancel(token, reference)
  ok('epayment: cancel releases the rest, the state stays', rest.ok && rest.data.state === 'AUTHORIZED' && rest.data.aggregate.cancelledAmount.value === 600, rest)
  const late = await payment.capture(token, reference, { modificationAmount: nok(100) })
  ok('epayment: capture after cancel refused', !late.ok, late)
  const history = await payment.history(token, reference)
  const events = history.ok ? history.data : []
  const once = (name) => events.filter((event) => event.name === name).length === 1
  ok('epayment: each event once', ['CREATED', 'AUTHORIZED', 'CAPTURED', 'REFUNDED', 'CANCELLED'].every(once), history)
  ok('epayment: each event has its four members', events.length > 0 && events.every((event) => event.pspReference && !Number.isNaN(Date.parse(event.timestamp)) && event.amount?.currency === 'NOK' && typeof event.success === 'boolean'), history)
  const again = await payment.create(token, { ...asked })
  ok('epayment: a reference is used once', !again.ok, again)

  const given = order()
  await payment.create(token, given)
  const cancelled = await payment.cancel(token, given.reference)
  ok('epayment: cancel before approval is TERMINATED [recorded]', cancelled.ok && cancelled.data.state === 'TERMINATED' && cancelled.data.aggregate.cancelledAmount.value === 1000, cancelled)
  const ended = await payment.info(token, given.reference)
  ok('epayment: it stays TERMINATED', ended.ok && ended.data.state === 'TERMINATED', ended)
  const dead = await payment.forceApprove(token, given.reference, payer)
  ok('epayment: no force approve afterwards', !dead.ok, dead)

  ok('epayment: unknown reference refused', !(await payment.info(token, unique())).ok)
  for (const [what, changed] of [
    ['99 øre', { amount: nok(99) }],
    ['a reference with other characters', { reference: 'bad_ref#1' }],
    ['the user flow NATIVE', { userFlow: 'NATIVE' }]
  ]) {
    const refused = await payment.create(token, order(changed))
    ok(`epayment: ${what} refused`, !refused.ok, refused)
  }
  const key = await client({ subscriptionKey: 'f'.repeat(32) }).payment.create(token, order())
  ok('epayment: wrong subscription key has the gateway body', !key.ok && key.error?.statusCode === 401, key)
  const foreign = await client({ merchantSerialNumber: '999999' }).payment.create(token, order())
  ok('epayment: foreign MSN refused', !foreign.ok, foreign)
  const nobody = await payment.create('not-a-token', order())
  ok('epayment: bad token refused', !nobody.ok, nobody)
  const anybody = await payment.create(token, order({ customer: {} }))
  ok('epayment: empty customer accepted [recorded]', anybody.ok, anybody)
})

await section('webhooks', async () => {
  const events = ['epayments.payment.created.v1']
  const made = await webhook.register(token, { url: 'https://example.com/hook', events: [...events, 'epayments.payment.captured.v1'] })
  ok('webhooks: register gives id and secret', made.ok && !!made.data.id && !!made.data.secret, made)
  const list = await webhook.list(token)
  ok('webhooks: listed without its secret', made.ok && list.ok && list.data.webhooks.some((hook) => hook.id === made.data.id && hook.secret === undefined), list)
  const plain = await webhook.register(token, { url: 'http://example.com/hook', events })
  ok('webhooks: http refused', !plain.ok, plain)
  const gone = await webhook.delete(token, made.data?.id)
  ok('webhooks: deleted', gone.ok, gone)
  const twice = await webhook.delete(token, made.data?.id)
  ok('webhooks: deleted once', !twice.ok, twice)
})

await section('checkout', async () => {
  const reference = unique()
  const asked = () => ({
    type: 'PAYMENT',
    merchantInfo: { callbackUrl: 'https://example.com/cb', returnUrl: 'https://example.com/ret', callbackAuthorizationToken: 'tok' },
    transaction: { amount: nok(1000), reference, paymentDescription: 'socks' }
  })
  const created = await checkout.create(platform.clientId, platform.clientSecret, asked())
  ok('checkout: session created', created.ok && !!created.data.token && !!created.data.checkoutFrontendUrl && !!created.data.pollingUrl, created)
  const info = await checkout.info(platform.clientId, platform.clientSecret, reference)
  ok('checkout: SessionCreated', info.ok && info.data.sessionState === 'SessionCreated' && info.data.reference === reference, info)
  const again = await checkout.create(platform.clientId, platform.clientSecret, asked())
  ok('checkout: a reference is used once', !again.ok, again)
})
done()
