// Pages that no link of the portal leads to: those of payers, of people who sign, of explanations, and those that say what went wrong.
// No barrier that axe calls serious, in light, dark and on a phone; nothing wider than a phone.
import { ok } from '../../_lib/tap.mjs'
import { died, PHONE, DESK, Shop, barriers, go, logIn, overflow, ownShop, person, platform, portal, signIn, unique, visit } from '../browser.mjs'

async function judge (page, name) {
  const check = async (how) => {
    const found = await barriers(page)
    ok(`${name} has no barrier${how}`, found.length === 0, found.join(' ‖ '))
  }
  await page.emulateMedia({ colorScheme: 'light' })
  await check('')
  await page.emulateMedia({ colorScheme: 'dark' })
  await check(' in the dark')
  await page.setViewportSize(PHONE)
  await check(' in the dark on a phone')
  const wider = await overflow(page)
  ok(`${name} fits a phone`, wider <= 0, `${wider} px too wide`)
  await page.emulateMedia({ colorScheme: 'light' })
  await check(' on a phone')
  ok(`${name} has a title, a language and one first heading`, await page.title() !== '' && await page.locator('html[lang]').count() === 1 && await page.locator('h1').count() === 1, await page.title())
  await page.setViewportSize(DESK)
}

// Opens an address, which answers with this status.
async function at (page, name, address, status = 200) {
  const answer = await go(page, address)
  ok(`${name} answers ${status}`, answer.status() === status, answer.status())
  await judge(page, name)
}

// The waiting page goes on by itself when something happens to its payment, so it has a page of its own: where it goes on
// must not be in the way of what is opened next.
async function follow (context, url, number) {
  const page = await context.newPage()
  await page.goto(url)
  await page.getByLabel('Phone number').fill(number)
  await page.getByRole('button', { name: 'Continue' }).click()
  return page
}

async function landing ({ context, page }) {
  const shop = await ownShop({ name: 'A shop with a rather long name, as shops sometimes have' })
  const payer = await person({ given_name: 'Anne-Margrethe', family_name: 'Featherstonehaugh-Kristiansen' })
  const url = await shop.initiate(unique())
  await at(page, 'the landing page', url)
  await at(page, 'the landing page in Norwegian', `${url}&lang=nb`)
  await page.goto(url)
  await page.getByLabel('Phone number').fill('40000001')
  await page.getByRole('button', { name: 'Continue' }).click()
  await page.getByRole('alert').waitFor()
  await judge(page, 'the landing page with a number that cannot pay')
  const waits = await follow(context, url, payer.phone)
  await waits.getByRole('heading', { name: 'Open the app' }).waitFor()
  await judge(waits, 'the waiting page')
  const other = await context.newPage()
  const phone = await logIn(other, payer.phone)
  await phone.locator('article.request').waitFor()
  await judge(other, 'a phone with an open request')
  await phone.getByRole('button', { name: /^Pay/ }).click()
  await phone.locator('.receipt').waitFor()
  for (const summary of await phone.locator('summary').all()) await summary.click()
  await judge(other, 'a phone with a receipt, and all of it opened')
  const refused = await follow(context, await shop.initiate(unique(), 186), payer.phone)
  await phone.getByRole('button', { name: /^Pay/ }).click()
  await phone.getByText('The card has expired.').waitFor()
  await judge(other, 'a phone whose card was refused')
  await refused.getByText(/bank refused the card/).waitFor()
  await judge(refused, 'the waiting page when the card was refused')
  const express = { paymentType: 'eComm Express Payment', consentRemovalPrefix: 'http://127.0.0.1:9/consent' }
  const shipped = await shop.initiate(unique(), 10000, { merchantInfo: { ...express, shippingDetailsPrefix: 'http://127.0.0.1:9/shipping' } })
  await at(page, 'the landing page of an express payment', shipped)
  await follow(context, shipped, payer.phone)
  await phone.getByRole('button', { name: 'Show shipping' }).click()
  await phone.getByText(/No shipping methods found|Payment failed/).waitFor()
  await judge(other, 'a phone whose shop does not answer')
  await follow(context, await shop.initiate(unique(), 10000, { transaction: { scope: 'name address email phoneNumber birthDate' } }), payer.phone)
  await phone.getByRole('heading', { name: /asks to know/ }).waitFor()
  await judge(other, 'a phone that asks for consent')
  const locked = await person()
  await other.goto(`${portal}/phone/${locked.phone}`)
  await other.getByLabel('PIN').fill('0000')
  await other.getByRole('button', { name: 'Log in' }).click()
  await other.getByRole('alert').waitFor()
  await judge(other, 'a phone after a wrong PIN')
  await at(other, 'phones side by side', `${portal}/phone/demo?numbers=${payer.phone},${locked.phone}`)
  await at(other, 'a phone that does not exist', `${portal}/phone/40000001`, 404)
  const late = await shop.initiate(unique())
  await shop.advance({ minutes: 5, seconds: 1 })
  await at(page, 'the expired page', late, 410)
  await at(page, 'the page of a wrong link', url.replace(/token=.*/, 'token=wrong'), 404)
  const skipping = await ownShop({ skip_landing_page: true })
  const order = unique()
  const waiting = await skipping.initiate(order, 1000, { customerInfo: { mobileNumber: payer.phone }, transaction: { skipLandingPage: true } })
  await at(page, 'the waiting page without a landing page', waiting)
  await skipping.call('PUT', `/ecomm/v2/payments/${order}/cancel`, { merchantInfo: { merchantSerialNumber: skipping.keys.msn }, transaction: { transactionText: 'Stop' } })
  // The one that `page` shows goes on by itself.
  const end = await context.newPage()
  await at(end, 'the page of a payment that leads nowhere', waiting)
  await end.close()
  await other.close()
}

async function explanations ({ page }) {
  const shop = new Shop()
  const unknown = await shop.details('nobody-ordered-this')
  await at(page, 'an explanation on the API', unknown.explain)
  await at(page, 'an explanation that does not exist', unknown.explain.replace(/.$/, (last) => last === '0' ? '1' : '0'), 404)
  const wrong = await shop.call('POST', '/ecomm/v2/payments', { merchantInfo: { merchantSerialNumber: 1 } })
  await at(page, 'an explanation of a wrong body', wrong.explain)
  const keyless = new Shop({ ...platform, key: 'x' })
  keyless.bearer = 'no-token'
  await at(page, 'an explanation of a wrong key', (await keyless.details('x')).explain)
}

async function signing ({ page }) {
  await at(page, 'the page to sign in', `${portal}/sign-in?next=/units`)
  await page.getByRole('button', { name: /developer/i }).first().click()
  await page.waitForURL(/\/bankid\//)
  await judge(page, 'the page of the stand-in for BankID')
  const bankid = page.url()
  await page.getByRole('button', { name: /^sign as/i }).click()
  await page.waitForURL(/\/units/)
  await page.goto(bankid)
  await judge(page, 'the page of a signing that is done')
  await at(page, 'the page to sign in, signed in', `${portal}/sign-in`)
  await at(page, 'the page to sign again', `${portal}/sign-in/again?next=/units`)
}

async function errors ({ page }) {
  await signIn(page, 'reader', '/units')
  await at(page, 'the page of a role that may not', `${portal}/units/test/${platform.msn}/keys`, 403)
  await signIn(page)
  const unit = `${portal}/units/test/${platform.msn}`
  await at(page, 'the page of a sales unit that does not exist', `${portal}/units/test/999999`, 404)
  await at(page, 'the page of a payment that does not exist', `${unit}/payments/nobody-ordered-this`, 404)
  await at(page, 'the page of a request that does not exist', `${portal}/requests/00000000-0000-4000-8000-000000000000`, 404)
  await at(page, 'the page of a catalogue entry that does not exist', `${portal}/catalogue/nothing/here`, 404)
  await at(page, 'a page that does not exist', `${portal}/no-such-page`, 404)
  await page.goto(`${portal}/units/new`)
  await page.locator('input[name=_csrf]').last().evaluate((it) => { it.value = 'old' })
  await page.locator('main form').last().evaluate((it) => { it.noValidate = true })
  await page.locator('main form button').last().click()
  await page.getByRole('heading', { name: 'This form is too old' }).waitFor()
  await judge(page, 'the page of a form that is too old')
  await page.goto(`${portal}/try`)
  await page.getByLabel('Amount in kroner').fill('nothing')
  await page.getByRole('button', { name: 'Start a payment' }).click()
  await page.getByRole('alert').waitFor()
  await judge(page, 'the page of a form with a wrong amount')
}

export default async function () {
  const { context, page } = await visit()
  for (const walk of [landing, explanations, signing, errors]) {
    try { await walk({ context, page }) } catch (error) {
      if (died(error)) throw error
      ok(`payer-pages ${walk.name} is walked to its end`, false, error)
    }
  }
  await context.close()
}
