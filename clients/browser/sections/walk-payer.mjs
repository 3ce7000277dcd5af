// What payers meet: the link of a payment in a browser, and the phone, walked as a person would.
import { ok } from '../../_lib/tap.mjs'
import { died, Shop, go, logIn, ownShop, person, portal, production, serve, signIn, unique, visit } from '../browser.mjs'

const CANNOT = 'This number cannot pay here.'
const request = (phone, order) => phone.locator('article.request').filter({ hasText: order })

// Opens the payment's link and gives this number there.
async function ask (page, url, number) {
  await go(page, url)
  await page.getByLabel('Phone number').fill(number)
  // The page that is left is loaded already, so its state says nothing of the next one.
  const next = page.waitForEvent('load')
  await page.getByRole('button', { name: 'Continue' }).click()
  await next
}

async function shows (name, locator, text) {
  const there = await locator.first().waitFor().then(() => true, () => false)
  return ok(name, there, text ?? 'it does not show')
}

const operations = async (shop, order) => (await shop.details(order)).body.transactionLogHistory?.map((it) => it.operation).join(' ')

// Waits until a payment's history is this; answers it.
async function becomes (shop, order, wanted) {
  let last
  for (let step = 0; step < 40 && last !== wanted; step++) {
    last = await operations(shop, order)
    if (last !== wanted) await new Promise((resolve) => setTimeout(resolve, 100))
  }
  return last
}

// One payment's page for each number: all there is on it but the time.
async function pageOf (page, url, number) {
  await ask(page, url, number)
  return page.evaluate(() => {
    const main = document.querySelector('main').cloneNode(true)
    main.querySelector('#live')?.remove()
    return `${document.title}\n${main.innerHTML}`
  })
}

async function whoCannotPay ({ page, shop }) {
  const real = await person({ environment: 'production' })
  const child = await person({ age: 14 })
  const blocked = await person({ blocked: true })
  const spent = await person({ limit_reached: true })
  const grown = await person()
  const url = await shop.initiate(unique())
  const kinds = { unknown: '40000001', 'under 15': child.phone, blocked: blocked.phone, 'over the limit': spent.phone, 'of production': real.phone }
  const pages = {}
  for (const [kind, number] of Object.entries(kinds)) pages[kind] = await pageOf(page, url, number)
  ok('FAQ-95 a real number on the landing page gets the one message', pages['of production'].includes(CANNOT), pages['of production'])
  ok('FAQ-95 an unknown number gets the one message', pages.unknown.includes(CANNOT), pages.unknown)
  ok('PLAT-52 under 15: the message says nothing about the reason', pages['under 15'].includes(CANNOT) && pages['under 15'] === pages.unknown, pages['under 15'])
  ok('PLAT-52 the number is not shown again', !pages['under 15'].includes(child.phone), pages['under 15'])
  ok('PLAT-56 all kinds of persons who cannot pay see the same page', new Set(Object.values(pages)).size === 1, Object.entries(pages).filter(([, it]) => it !== pages.unknown).map(([kind]) => kind))
  ok('PLAT-56 who can pay sees another', await pageOf(page, url, grown.phone) !== pages.unknown)
  const refusals = {}
  for (const [kind, mobileNumber] of Object.entries(kinds)) {
    const answer = await shop.call('POST', '/ecomm/v2/payments', {
      customerInfo: { mobileNumber },
      merchantInfo: { merchantSerialNumber: shop.keys.msn, callbackPrefix: 'http://127.0.0.1:9/', fallBack: 'http://127.0.0.1:9/', paymentType: 'eComm Regular Payment' },
      transaction: { orderId: unique(), amount: 49900, transactionText: 'Socks' }
    })
    const [error] = answer.body
    refusals[kind] = `${answer.status} ${error.errorGroup} ${error.errorCode} ${error.errorMessage} ${Object.keys(error)}`
  }
  ok('FAQ-95 with the number in initiate the shop gets error 81', refusals['of production'].startsWith('400 User 81 '), refusals)
  ok('PLAT-56 the shop gets the same error for all of them', new Set(Object.values(refusals)).size === 1, refusals)
  // The phone alone says why.
  await go(page, `${portal}/phone`)
  const row = (number) => page.getByRole('row').filter({ hasText: number })
  ok('PLAT-52 the list of phones says why', /Younger than 15/.test(await row(child.phone).innerText()), 'no reason')
  await go(page, `${portal}/phone/${real.phone}`)
  await shows('FAQ-95 there is no phone of a real person in the test environment', page.getByText('Nobody has this number'))
}

async function neverLoggedIn ({ context, page, shop }) {
  const fresh = await person({ logged_in: false, approved_once: false })
  const force = async () => {
    const order = unique()
    await shop.initiate(order)
    return shop.call('POST', `/ecomm/v2/integration-test/payments/${order}/approve`, { customerPhoneNumber: fresh.phone })
  }
  const order = unique()
  const url = await shop.initiate(order)
  await ask(page, url, fresh.phone)
  await shows('FAQ-96 who never logged in cannot pay', page.getByText(CANNOT))
  const refused = await force()
  ok('PLAT-57 nor can they be force-approved: 1082', refused.status === 400 && refused.body[0]?.errorCode === '1082', refused)
  const other = await context.newPage()
  await other.goto(`${portal}/phone`)
  await shows('FAQ-96 the list of phones says that they never logged in', other.getByRole('row').filter({ hasText: fresh.phone }).getByText('Has never logged in to the app'))
  const phone = await logIn(other, fresh.phone)
  await ask(page, url, fresh.phone)
  await shows('FAQ-96 after logging in with 1236 the number is taken', page.getByRole('heading', { name: 'Open the app' }))
  const still = await force()
  ok('PLAT-57 logged in, but never paid: still 1082', still.status === 400 && still.body[0]?.errorCode === '1082', still)
  await request(phone, order).getByRole('button', { name: /^Pay/ }).click()
  await shows('PLAT-57 the payment is made on the phone', phone.locator('.receipt').getByText('Reserved'))
  const forced = await force()
  ok('FAQ-96 from now on force approve works', forced.status === 200, forced)
  await other.close()
}

async function failedCallbacks ({ page }) {
  const server = await serve((request) => {
    if (request.url === '/thanks') return { text: '<h1>Thank you</h1>' }
    if (request.url.startsWith('/slow/')) return undefined
    if (request.url.startsWith('/moved/')) return { status: 307, headers: { location: '/elsewhere' } }
    return { status: 404, text: 'no such route' }
  })
  const payer = await person({ acts: 'at_once' })
  const shop = await ownShop({ name: 'Shop that misses callbacks' })
  const kinds = [
    ['refused', 'http://127.0.0.1:9/callbacks', /refused/i],
    ['status', `${server.base}/callbacks`, /404/],
    ['redirect', `${server.base}/moved`, /redirect|307/i],
    ['timeout', `${server.base}/slow`, /3.?000 ms|3 s|three seconds/i],
    ['tls', `https://127.0.0.1:${server.port}/callbacks`, /TLS|certificate/i]
  ]
  const orders = {}
  for (const [kind, callbackPrefix] of kinds) {
    orders[kind] = unique()
    const url = await shop.initiate(orders[kind], 49900, { merchantInfo: { callbackPrefix, fallBack: `${server.base}/thanks` } })
    await ask(page, url, payer.phone)
    await page.getByRole('heading', { name: 'Thank you' }).waitFor()
  }
  await signIn(page, 'developer', '/dashboard')
  for (const [kind, prefix, why] of kinds) {
    const order = orders[kind]
    ok(`FAQ-107 ${kind}: the payment is not affected`, await becomes(shop, order, 'RESERVE INITIATE') === 'RESERVE INITIATE', order)
    const link = page.locator('main').getByRole('link').and(page.locator('[href^="/requests/out/"]'))
    await page.waitForTimeout(kind === 'timeout' ? 3200 : 0)
    // From the list of calls, as somebody who looks for the order.
    for (let step = 0; step < 20; step++) {
      await go(page, `${portal}/requests?text=${order}&refused=true`)
      if (await link.count()) break
      await page.waitForTimeout(300)
    }
    if (!ok(`FAQ-107 ${kind}: the failed callback is in the list of calls`, await link.count() > 0, await page.locator('main').innerText())) continue
    await link.first().click()
    await page.waitForURL(/\/requests\/out\//)
    const text = await page.locator('main').innerText()
    ok(`FAQ-107 ${kind}: the exact URL shows`, text.includes(`${prefix}/v2/payments/${order}`), text)
    ok(`FAQ-107 ${kind}: it says why`, why.test(text), text)
    ok(`FAQ-107 ${kind}: it says what to do, and that there was one attempt`, /What to do/.test(text) && /1 of 1/.test(text), text)
    const curl = await page.locator('#curl').innerText()
    ok(`FAQ-107 ${kind}: the same call is there to try, with its body`, curl.includes(`${prefix}/v2/payments/${order}`) && curl.includes('transactionInfo'), curl)
  }
  await go(page, `${portal}/dashboard`)
  const listed = await page.getByRole('table', { name: /^Failed calls/ }).innerHTML()
  for (const [kind] of kinds) ok(`FAQ-107 ${kind}: the dashboard lists the failed callback`, listed.includes(orders[kind]), listed)
  await server.close()
}

const EXPRESS = {
  paymentType: 'eComm Express Payment',
  consentRemovalPrefix: 'http://127.0.0.1:9/consent'
}
const method = (methodId, name, cost, isDefault) => ({ isDefault, priority: 1, shippingCost: cost, shippingMethod: name, shippingMethodId: methodId })

async function express ({ context, page, shop }) {
  const home = { kind: 'home', line1: 'Storgata 1', post_code: '0155', city: 'OSLO' }
  const payer = await person({ addresses: [home, { ...home, kind: 'work', line1: 'Kontorgata 7' }] })
  const other = await context.newPage()
  const phone = await logIn(other, payer.phone)
  const answers = { broken: '{"addressId":1,"orderId":"x","shippingDetails":[]}', text: 'Internal error', silent: null }
  let asked
  const server = await serve((request, body) => {
    const kind = request.url.split('/')[1]
    asked = { kind, body }
    const text = kind in answers ? answers[kind] : JSON.stringify({ addressId: 1, orderId: 'x', shippingDetails: [method('sled', 'Sled', 10, 'Y')] })
    return text === null ? undefined : { type: 'application/json', text }
  })
  const start = async (kind, more) => {
    const order = unique()
    const url = await shop.initiate(order, 10000, { merchantInfo: { ...EXPRESS, shippingDetailsPrefix: `${server.base}/${kind}`, ...more } })
    await ask(page, url, payer.phone)
    const it = request(phone, order)
    await it.waitFor()
    return { order, it }
  }
  for (const [kind, number, says, why] of [
    ['broken', 'FAQ-108', 'Payment failed', /shippingDetails is empty/],
    ['text', 'FAQ-108', 'Payment failed', /not as documented/],
    ['silent', 'FAQ-109', 'No shipping methods found', /10.?000 ms/]
  ]) {
    const { it } = await start(kind)
    other.setDefaultTimeout(20_000)
    await it.getByRole('button', { name: 'Show shipping' }).click()
    const shown = await shows(`${number} ${kind}: the phone shows "${says}"`, it.getByText(says, { exact: true }))
    if (!shown) continue
    const text = await it.innerText()
    ok(`${number} ${kind}: and to developers why`, why.test(text), text)
    ok(`${number} ${kind}: nothing can be paid before the shop has answered`, await it.getByRole('button', { name: /^Pay/ }).count() === 0, text)
    if (kind === 'broken') {
      delete answers.broken
      await it.getByRole('button', { name: 'Show shipping' }).click()
      await shows('FAQ-108 once the shop has mended it, shipping shows', it.getByText(/Sled · 10\.00 kr/))
    }
    await it.getByRole('button', { name: 'Reject' }).click()
    await it.waitFor({ state: 'detached' })
  }
  const { order, it } = await start('good', {
    shippingDetailsPrefix: undefined,
    staticShippingDetails: [method('post', 'Post', 99, 'Y'), method('collect', 'Collect', 0, 'N')]
  })
  ok('express: the landing page says that shipping comes on top', /shipping/.test(await it.innerText()))
  await it.getByLabel(/Kontorgata 7/).check()
  await it.getByRole('button', { name: 'Show shipping' }).click()
  await it.getByLabel(/Collect/).check()
  ok('express: every method has its total', /total 199\.00 kr/.test(await it.innerText()) && /total 100\.00 kr/.test(await it.innerText()), await it.innerText())
  await it.getByLabel(/Post/).check()
  await it.getByRole('button', { name: /^Pay/ }).click()
  const receipt = phone.locator('.receipt')
  await shows('express: the receipt has the sum with shipping', receipt.getByText('199.00 kr'), await phone.innerText())
  const details = (await shop.details(order)).body
  ok('express: the shop gets the address and the method chosen', details.shippingDetails?.address?.addressLine1 === 'Kontorgata 7' && details.shippingDetails?.shippingMethodId === 'post', details.shippingDetails)
  ok('express: the shop was asked over HTTP with the address', asked.kind === 'silent' && /Storgata 1/.test(asked.body), asked)
  await other.close()
  await server.close()
}

async function consent ({ context, page, shop }) {
  const payer = await person({ given_name: 'Ingrid', family_name: 'Berg' })
  const other = await context.newPage()
  const phone = await logIn(other, payer.phone)
  const start = async () => {
    const order = unique()
    await ask(page, await shop.initiate(order, 1000, { transaction: { scope: 'name address email phoneNumber birthDate' } }), payer.phone)
    return { order, it: request(phone, order) }
  }
  const no = await start()
  await shows('consent: the phone asks first', no.it.getByRole('heading', { name: /asks to know/ }))
  const scopes = await no.it.getByRole('listitem').allInnerTexts()
  ok('consent: it names everything that is asked for', scopes.length === 5 && scopes.includes('Your date of birth'), scopes)
  ok('consent: nobody pays before answering', await no.it.getByRole('button', { name: /^Pay/ }).count() === 0)
  await no.it.getByRole('button', { name: 'Refuse' }).click()
  await shows('consent: who refuses does not pay', phone.locator('.receipt').getByText('You rejected it'))
  const refused = (await shop.details(no.order)).body
  ok('consent: the shop learns nothing of who refuses', refused.sub === undefined && refused.userDetails === undefined, refused)
  const yes = await start()
  await yes.it.getByRole('button', { name: 'Share and go on' }).click()
  await yes.it.getByRole('button', { name: /^Pay/ }).click()
  await phone.locator('.receipt').getByText('Reserved').waitFor()
  await page.waitForTimeout(400)
  const { sub } = (await shop.details(yes.order)).body
  const info = await shop.call('GET', `/vipps-userinfo-api/userinfo/${sub}`)
  ok('consent: who shares is known by userinfo', info.status === 200 && info.body.name?.includes('Ingrid') && info.body.phone_number?.endsWith(payer.phone), info)
  await phone.getByText('Shops that know me').click()
  await phone.getByRole('button', { name: /Take it back/ }).click()
  await phone.getByRole('button', { name: /Take it back/ }).waitFor({ state: 'detached' })
  const kept = await shop.call('GET', `/vipps-userinfo-api/userinfo/${sub}`)
  ok('UINF-10 taken back on the phone, the shop keeps what it may still read for a week', kept.status === 200 && kept.body.sub === sub, kept)
  const again = await start()
  await shows('UINF-10 the next payment asks again', again.it.getByRole('heading', { name: /asks to know/ }))
  await other.close()
}

async function framing ({ shop }) {
  const url = await shop.initiate(unique())
  const pages = { '/harmless': '<p>harmless</p>' }
  const server = await serve((request) => ({ text: pages[request.url] ?? `<title>Evil</title><iframe src="${new URL(request.url, 'http://x').searchParams.get('show')}" width=600 height=600></iframe>` }))
  const { context, page } = await visit({ watched: false })
  const framed = async (address) => {
    await go(page, `${server.base}/frame?show=${encodeURIComponent(address)}`)
    await page.waitForTimeout(300)
    return page.frames()[1]?.content().catch(() => '') ?? ''
  }
  ok('PLAT-51 what may be framed is seen in the frame', (await framed(`${server.base}/harmless`)).includes('harmless'))
  const html = await framed(url)
  ok('FAQ-117 a page of another origin cannot show the landing page in an iframe', !/name="phone"|Continue/.test(html), html)
  const answer = await go(page, url)
  const headers = answer.headers()
  ok('PLAT-51 the landing page forbids framing', headers['x-frame-options'] === 'DENY' && /frame-ancestors 'none'/.test(headers['content-security-policy']), headers)
  await shows('FAQ-117 as a page of its own it shows', page.getByRole('button', { name: 'Continue' }))
  await context.close()
  await server.close()
}

async function links ({ page, shop }) {
  const real = await ownShop({ environment: 'production' })
  for (const [where, one, scheme, base] of [['test', shop, 'vippsMT://', shop.keys.base], ['production', real, 'vipps://', production]]) {
    const inApp = await one.initiate(unique(), 49900, { merchantInfo: { isApp: true, fallBack: 'INTENT' } })
    ok(`PLAT-47 ${where}: with isApp the link opens the app`, inApp.startsWith(`${scheme}?token=`), inApp)
    const url = await one.initiate(unique())
    ok(`PLAT-48 ${where}: without isApp it is a web page of this environment`, url.startsWith(`${base}/`) && url.split('=').length === 3, url)
    const answer = await go(page, `${base}/dwo-api-application/v1/deeplink/vippsgateway?v=2&token=${url.split('=')[2]}`)
    ok(`PLAT-48 ${where}: the third piece between = is the token`, answer.status() === 200 && await page.getByLabel('Phone number').count() === 1, answer.status())
  }
}

async function time ({ context, page }) {
  const shop = await ownShop({ name: 'Shop with a clock' })
  const payer = await person()
  const other = await context.newPage()
  const phone = await logIn(other, payer.phone)
  const unused = unique()
  const late = await shop.initiate(unused)
  await shop.advance({ minutes: 5, seconds: 1 })
  const answer = await go(page, late)
  ok('PLAT-49 a link unused for 5 min 1 s is gone', answer.status() === 410, answer.status())
  await shows('PLAT-49 its page says so', page.getByRole('heading', { name: 'Too late' }))
  ok('PLAT-49 it offers nothing to pay', await page.getByRole('button').count() === 0)
  ok('PLAT-49 the order ends as timed out', await operations(shop, unused) === 'CANCEL INITIATE', await operations(shop, unused))
  // The clock runs on meanwhile: what has passed already is taken off, so that the button is pressed with the last ten seconds begun.
  const almost = (since) => shop.advance({ seconds: 290 - Math.ceil((Date.now() - since) / 1000) })
  const order = unique()
  const begun = Date.now()
  await go(page, await shop.initiate(order))
  await page.getByLabel('Phone number').fill(payer.phone)
  await almost(begun)
  const opened = Date.now()
  await page.getByRole('button', { name: 'Continue' }).click()
  await request(phone, order).waitFor()
  await almost(opened)
  await request(phone, order).getByRole('button', { name: /^Pay/ }).click()
  await shows('PLAT-50 opened at 4:50 and approved 4:50 later, it is paid', phone.locator('.receipt').getByText('Reserved'))
  ok('PLAT-50 and reserved for the shop', await operations(shop, order) === 'RESERVE INITIATE', await operations(shop, order))
  const ignored = unique()
  await ask(page, await shop.initiate(ignored), payer.phone)
  await request(phone, ignored).waitFor()
  await shop.advance({ minutes: 5, seconds: 1 })
  await shows('ignored: the landing page ends by itself', page.getByRole('heading', { name: 'Too late' }))
  ok('ignored: the request leaves the phone by itself', await request(phone, ignored).waitFor({ state: 'detached' }).then(() => true, () => false))
  await phone.getByText('Payments', { exact: true }).click()
  await shows('ignored: the phone remembers it as expired', phone.getByRole('listitem').filter({ hasText: ignored }).getByText('Expired'))
  await other.close()
}

async function testAmounts ({ context, page }) {
  const callbacks = new Map()
  const server = await serve((request, body) => { callbacks.set(request.url.split('/').pop(), JSON.parse(body || 'null')); return {} })
  const shop = await ownShop()
  const payer = await person()
  const other = await context.newPage()
  const phone = await logIn(other, payer.phone)
  const start = async (amount) => {
    const order = unique()
    await ask(page, await shop.initiate(order, amount, { merchantInfo: { callbackPrefix: `${server.base}/callbacks` } }), payer.phone)
    const it = request(phone, order)
    await it.getByRole('button', { name: /^Pay/ }).click()
    return { order, it }
  }
  for (const [amount, says, code] of [
    [151, 'The bank refused the payment.', '42'],
    [182, 'The bank refused the payment.', '42'],
    [183, 'The bank refused the payment.', '42'],
    [184, 'The bank refused the payment.', '42'],
    [186, 'The card has expired.', '44'],
    [187, 'The card is not valid.', '41'],
    [197, 'The confirmation with the bank was denied.', '45']
  ]) {
    const { order, it } = await start(amount)
    await shows(`PLAT-58 ${amount}: the phone says "${says}"`, it.getByText(says))
    await it.getByRole('button', { name: 'Reject' }).click()
    await it.waitFor({ state: 'detached' })
    for (let step = 0; step < 30 && !callbacks.has(order); step++) await page.waitForTimeout(100)
    const info = callbacks.get(order)?.errorInfo
    ok(`PLAT-58 ${amount}: the shop is told Payment ${code}`, info?.errorGroup === 'Payment' && info?.errorCode === code, callbacks.get(order))
  }
  const unknown = await start(201)
  await shows('PLAT-58 201: the bank has not answered yet', phone.getByText('The bank has not answered yet'))
  const early = await shop.call('PUT', `/ecomm/v2/payments/${unknown.order}/cancel`, { merchantInfo: { merchantSerialNumber: shop.keys.msn }, transaction: { transactionText: 'Stop' } })
  ok('PLAT-58 201: meanwhile the shop gets 94', early.body[0]?.errorCode === '94', early)
  await shop.advance({ hours: 1, seconds: 1 })
  ok('PLAT-58 201: an hour later it is reserved', await becomes(shop, unknown.order, 'RESERVE INITIATE') === 'RESERVE INITIATE', unknown.order)
  const sca = await start(202)
  await shows('PLAT-58 202: the bank wants one more confirmation', sca.it.getByText('Confirm once more'))
  ok('PLAT-58 202: not paid before that', await operations(shop, sca.order) === 'INITIATE', await operations(shop, sca.order))
  await sca.it.getByRole('button', { name: 'Confirm with the bank' }).click()
  ok('PLAT-58 202: confirmed, it is paid', await becomes(shop, sca.order, 'RESERVE INITIATE') === 'RESERVE INITIATE', sca.order)
  const forced = unique()
  await shop.initiate(forced, 186)
  const answer = await shop.call('POST', `/ecomm/v2/integration-test/payments/${forced}/approve`, { customerPhoneNumber: payer.phone })
  ok('PLAT-59 186 is force-approved', answer.status === 200, answer)
  await other.reload()
  await phone.getByText('Payments', { exact: true }).click()
  await shows('PLAT-59 the phone shows it as reserved', phone.getByRole('listitem').filter({ hasText: forced }).getByText('Reserved'))
  await other.close()
  await server.close()
}

async function sideBySide ({ context, page, shop }) {
  const [kari, ola] = [await person({ given_name: 'Kari' }), await person({ given_name: 'Ola' })]
  const other = await context.newPage()
  await other.goto(`${portal}/phone`)
  for (const { phone } of [kari, ola]) await other.getByRole('row').filter({ hasText: phone }).getByRole('checkbox').check()
  await other.getByRole('button', { name: 'Open side by side' }).click()
  await other.waitForURL(/\/phone\/demo/)
  const path = other.url().slice(portal.length)
  const left = await logIn(other, kari.phone, path)
  ok('side by side: one phone is open, the other is not', await other.locator(`#phone-${ola.phone}`).getByLabel('PIN').count() === 1)
  const right = await logIn(other, ola.phone, path)
  const [first, second] = [unique(), unique()]
  await ask(page, await shop.initiate(first), kari.phone)
  await request(left, first).waitFor()
  await ask(page, await shop.initiate(second), ola.phone)
  await request(right, second).waitFor()
  ok('side by side: each phone has its own request', await request(left, second).count() === 0 && await request(right, first).count() === 0)
  await request(left, first).getByRole('button', { name: /^Pay/ }).click()
  await left.locator('.receipt').getByText('Reserved').waitFor()
  await request(right, second).getByRole('button', { name: 'Reject' }).click()
  await shows('side by side: one rejects', right.locator('.receipt').getByText('You rejected it'))
  ok('side by side: one paid, one did not', await operations(shop, first) === 'RESERVE INITIATE' && await operations(shop, second) === 'CANCEL INITIATE')
  await other.close()
}

async function norwegian ({ shop }) {
  const payer = await person()
  const { context, page } = await visit({ language: 'nb-NO' })
  const order = unique()
  await go(page, await shop.initiate(order))
  ok('Norwegian: the landing page follows the browser', await page.locator('html').getAttribute('lang') === 'nb' && /499,00 kr/.test(await page.locator('main').innerText()), await page.locator('main').innerText())
  await page.getByLabel('Telefonnummer').fill('40000001')
  await page.getByRole('button', { name: 'Fortsett' }).click()
  await shows('FAQ-95 the message is there in Norwegian', page.getByText('Dette nummeret kan ikke betale her.'))
  await page.getByLabel('Telefonnummer').fill(payer.phone)
  await page.getByRole('button', { name: 'Fortsett' }).click()
  await shows('Norwegian: it asks to open the app', page.getByRole('heading', { name: 'Åpne appen' }))
  const other = await context.newPage()
  const phone = await logIn(other, payer.phone)
  await request(phone, order).getByRole('button', { name: /^Betal/ }).click()
  await shows('Norwegian: the phone pays', phone.locator('.receipt').getByText('Reservert'))
  await go(page, await shop.initiate(unique()))
  await page.getByRole('link', { name: 'English' }).click()
  await shows('Norwegian: the other language can be chosen', page.getByRole('button', { name: 'Continue' }))
  await context.close()
}

async function withoutScript ({ shop }) {
  const server = await serve(() => ({ text: '<h1>Thank you</h1>' }))
  const payer = await person()
  const { context, page } = await visit({ script: false })
  const order = unique()
  await ask(page, await shop.initiate(order, 49900, { merchantInfo: { fallBack: `${server.base}/thanks` } }), payer.phone)
  await page.getByRole('heading', { name: 'Open the app' }).waitFor()
  const other = await context.newPage()
  const phone = await logIn(other, payer.phone)
  await request(phone, order).getByRole('button', { name: /^Pay/ }).click()
  await shows('without a script the phone pays', phone.locator('.receipt').getByText('Reserved'))
  await shows('without a script the landing page goes on by itself', page.getByRole('heading', { name: 'Thank you' }))
  const cancelled = unique()
  await go(page, await shop.initiate(cancelled, 49900, { merchantInfo: { fallBack: `${server.base}/thanks` } }))
  await page.getByRole('button', { name: 'Cancel' }).click()
  await shows('without a script who cancels gets back to the shop', page.getByRole('heading', { name: 'Thank you' }))
  ok('without a script nothing is paid then', await operations(shop, cancelled) === 'CANCEL INITIATE')
  await context.close()
  await server.close()
}

async function rejects ({ context, page, shop }) {
  const payer = await person()
  const server = await serve(() => ({ text: '<h1>Back in the shop</h1>' }))
  const other = await context.newPage()
  const phone = await logIn(other, payer.phone)
  const order = unique()
  await ask(page, await shop.initiate(order, 49900, { merchantInfo: { fallBack: `${server.base}/back` } }), payer.phone)
  await request(phone, order).getByRole('button', { name: 'Reject' }).click()
  await shows('rejected: the phone says so', phone.locator('.receipt').getByText('You rejected it'))
  await shows('rejected: the browser is back in the shop', page.getByRole('heading', { name: 'Back in the shop' }))
  ok('rejected: the browser gets no status, only the app adds it', !page.url().includes('status='), page.url())
  ok('rejected: for the shop it is cancelled', await operations(shop, order) === 'CANCEL INITIATE')
  await other.close()
  await server.close()
}

export default async function () {
  const { context, page } = await visit()
  const shop = new Shop()
  const walks = { whoCannotPay, neverLoggedIn, framing, links, time, testAmounts, express, consent, sideBySide, norwegian, withoutScript, rejects, failedCallbacks }
  for (const [name, walk] of Object.entries(walks)) {
    // One that breaks off does not hide the others.
    try { await walk({ context, page, shop }) } catch (error) {
      if (died(error)) throw error
      ok(`walk-payer ${name} is walked to its end`, false, error)
    }
  }
  await context.close()
}
