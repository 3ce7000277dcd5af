// A developer integrates ePayment and webhooks: the payment in the portal and on the phone, its deliveries with every attempt,
// one sent again, one that goes wrong on demand, and the page that says why a signature does not verify.
import { ok } from '../../_lib/tap.mjs'
import { PHONE, DESK, barriers, go, logIn, overflow, ownShop, person, portal, serve, signIn, unique, visit } from '../browser.mjs'

const nok = (value) => ({ currency: 'NOK', value })

async function shows (name, locator) {
  const there = await locator.first().waitFor().then(() => true, () => false)
  return ok(name, there, 'it does not show')
}

// A page that a developer reads at a desk and on a phone.
async function judge (page, name) {
  await page.setViewportSize(PHONE)
  const wider = await overflow(page)
  const found = await barriers(page)
  await page.setViewportSize(DESK)
  ok(`${name} fits a phone`, wider <= 0, `${wider} px too wide`)
  ok(`${name} has no barrier`, found.length === 0, found.join(' ‖ '))
}

// Waits until this is so.
async function until (is) {
  for (let step = 0; step < 100; step++) {
    const found = await is()
    if (found) return found
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  return null
}

export default async function () {
  let status = 200
  const taken = []
  const receiver = await serve((request, body) => {
    const headers = request.rawHeaders.map((text, at) => at % 2 ? `${text}\n` : `${text}: `).join('')
    taken.push({ head: `${request.method} ${request.url} HTTP/1.1\n${headers}`, body, event: JSON.parse(body || '{}').name })
    return { status }
  })
  const shop = await ownShop({ name: 'Webhook shop' })
  const payer = await person()
  const path = `/units/test/${shop.keys.msn}`
  const events = ['created', 'authorized', 'captured'].map((name) => `epayments.payment.${name}.v1`)
  const hook = await shop.call('POST', '/webhooks/v1/webhooks', { url: `${receiver.base}/hook?shop=1`, events })
  ok('a webhook is registered', hook.status === 201 && hook.body.secret?.length > 0, hook)
  const reference = unique()
  const created = await shop.call('POST', '/epayment/v1/payments', {
    amount: nok(49900),
    customer: { phoneNumber: `47${payer.phone}` },
    paymentMethod: { type: 'WALLET' },
    paymentDescription: 'One pair of socks',
    reference,
    returnUrl: `${receiver.base}/thanks`,
    userFlow: 'WEB_REDIRECT'
  }, { 'Idempotency-Key': unique() })
  ok('an ePayment payment is created', created.status === 201, created)

  const { context, page } = await visit()
  await page.goto(created.body.redirectUrl)
  await page.getByRole('button', { name: 'Continue' }).click()
  const other = await context.newPage()
  const phone = await logIn(other, payer.phone)
  const request = phone.locator('article.request').filter({ hasText: 'One pair of socks' })
  await shows('the phone shows the ePayment payment', request.getByText(/499/))
  await request.getByRole('button', { name: /^Pay/ }).click()
  await shows('the phone pays it', phone.locator('.receipt').getByText('Reserved'))
  await other.close()

  await signIn(page, 'admin', path)
  await page.getByRole('link', { name: 'Webhooks' }).first().click()
  await shows('the portal lists the webhook', page.getByText(`${receiver.base}/hook?shop=1`))
  const row = (event) => page.getByRole('row').filter({ has: page.getByRole('link', { name: `epayments.payment.${event}.v1` }) })
  const isDelivered = () => go(page, `${portal}${path}/webhooks`).then(() => row('authorized').getByText('delivered').count())
  ok('and its deliveries', await until(isDelivered) && await row('created').getByText('delivered').count() === 1)
  await judge(page, 'the page of webhooks')
  await go(page, `${portal}${path}/payments/${reference}`)
  await shows('the portal shows the payment', page.getByText(reference))
  await judge(page, 'the page of an ePayment payment')

  // What fails is tried again, and can be sent again.
  status = 500
  const change = { modificationAmount: nok(49900) }
  const captured = await shop.call('POST', `/epayment/v1/payments/${reference}/capture`, change, { 'Idempotency-Key': unique() })
  ok('it is captured', captured.status === 200, captured)
  const isFailing = () => go(page, `${portal}${path}/webhooks?about=${reference}`).then(() => row('captured').getByText('failing').count())
  ok('a delivery that a receiver refuses is failing', await until(isFailing))
  await row('captured').getByRole('link').click()
  await shows('its page has the attempt and what came of it', page.getByRole('row').getByText('500'))
  status = 200
  const sent = page.waitForEvent('load')
  await page.getByRole('button', { name: 'Send again' }).click()
  await sent
  const isTaken = () => page.reload().then(() => page.getByRole('row').locator('.badge.good').count())
  ok('sent again, it is taken', await until(isTaken))
  await judge(page, 'the page of a delivery')

  // A signature that does not verify, on demand; and the page that says so.
  await go(page, `${portal}${path}/webhooks`)
  await page.getByLabel('What', { exact: true }).selectOption('wrong_signature')
  await page.getByRole('button', { name: 'Put in force' }).click()
  await shows('a recipe is in force', page.getByText('wrong_signature: every event'))
  const before = taken.length
  const wrong = await shop.call('POST', '/epayment/v1/payments', {
    amount: nok(100), paymentMethod: { type: 'WALLET' }, reference: unique(), returnUrl: `${receiver.base}/thanks`, userFlow: 'WEB_REDIRECT'
  }, { 'Idempotency-Key': unique() })
  ok('another payment is created', wrong.status === 201, wrong)
  const bad = await until(() => taken[before])
  const good = taken.find((it) => it.event === 'AUTHORIZED')
  for (const [name, it, heading] of [['a right', good, 'It verifies'], ['a wrong', bad, 'It does not verify']]) {
    await go(page, `${portal}/webhooks/verify`)
    await page.getByLabel(/^Headers/).fill(it.head)
    await page.getByLabel(/^Body/).fill(it.body)
    await page.getByLabel('Secret').fill(hook.body.secret)
    await page.getByRole('button', { name: 'Verify' }).click()
    await shows(`the verifier knows ${name} signature`, page.getByRole('heading', { name: heading, exact: true }))
  }
  await shows('and tells the first byte that differs', page.getByText('First byte that differs'))
  await judge(page, 'the verifier')
  await context.close()
  await receiver.close()
}
