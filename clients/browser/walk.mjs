// What people do again and again on the portal: make a sales unit, read its keys, sign with BankID, open an explanation.
import { Shop, control, platform, portal, unique } from './browser.mjs'

// The words of the page.
export const words = (page) => page.locator('main').innerText()

// The error of an answer in each of its forms: array, gateway's object, token endpoint.
export const code = ({ body }) => body?.[0]?.errorCode ?? body?.error ?? body?.responseInfo?.responseCode ?? body?.statusCode ?? null

// Status and error code are these.
export const is = (answer, status, error) => answer.status === status && (error === undefined || String(code(answer)) === String(error))

// Keys as the page of keys shows them, after pressing "Show all".
export async function shownKeys (page) {
  await page.getByRole('button', { name: 'Show all' }).click()
  await page.locator('#value-client_secret[data-shown]').waitFor()
  const value = (id) => page.locator(`#value-${id}`).innerText()
  return {
    base: (await page.locator('dl.keys code').first().innerText()).replace(/\/+$/, ''),
    msn: await value('number'),
    clientId: await value('client_id'),
    clientSecret: await value('client_secret'),
    key: await value('primary_subscription_key'),
    secondary: await value('secondary_subscription_key')
  }
}

// Adds a sales unit as a person does, and reads its keys. `options` are ticked.
export async function makeUnit (page, { environment = 'test', orgno = '', partner, options = [] } = {}) {
  await page.goto(`${portal}/units`)
  await page.getByRole('link', { name: 'Add test sales unit' }).click()
  await page.getByRole('radio', { name: environment, exact: true }).check()
  await page.getByLabel('Name', { exact: true }).fill(unique())
  await page.getByLabel('Organisation number of the merchant').fill(orgno)
  if (partner) await page.getByLabel('Partner', { exact: true }).selectOption(partner)
  for (const option of [/Callbacks may go to local addresses/, ...options]) await page.getByRole('checkbox', { name: option }).check()
  await page.getByRole('button', { name: 'Add', exact: true }).click()
  await page.waitForURL((url) => url.search === '?done=made')
  const told = await words(page)
  const keys = await shownKeys(page)
  const path = `/units/${environment}/${keys.msn}`
  return { keys, path, told, environment, shop: new Shop(keys) }
}

// Opens the page of the sales unit.
export const open = (page, unit) => page.goto(portal + unit.path)

// A fact of the page: what stands beside this word.
export const fact = (page, name) => page.locator('dl.facts dt', { hasText: new RegExp(`^${name}$`) }).locator('xpath=following-sibling::dd[1]').innerText()

// Initiates an order nobody has used, and answers it whatever comes of it.
export async function attempt (shop, more = {}) {
  const { merchantInfo = {}, transaction = {}, customerInfo = {}, headers = {} } = more
  const answer = await shop.call('POST', '/ecomm/v2/payments', {
    customerInfo,
    merchantInfo: { merchantSerialNumber: shop.keys.msn, callbackPrefix: 'http://127.0.0.1:9/callbacks', fallBack: 'http://127.0.0.1:9/thanks', ...merchantInfo },
    transaction: { orderId: unique(), amount: 49900, transactionText: 'One pair of socks', ...transaction }
  }, headers)
  return answer
}

// A token request with these keys.
export async function tokenRequest (keys) {
  const answer = await fetch(`${keys.base}/accesstoken/get`, {
    method: 'POST',
    headers: { client_id: keys.clientId, client_secret: keys.clientSecret, 'Ocp-Apim-Subscription-Key': keys.key }
  })
  return { status: answer.status, explain: answer.headers.get('explain'), body: await answer.json() }
}

// An order of this shop that is paid, and captured if wanted.
export async function paid (unit, captured = false) {
  const order = unique()
  await unit.shop.initiate(order)
  await control('POST', `/payments/${unit.environment}/${unit.keys.msn}/${order}/force-approve`, { phone: platform.phone.slice(2) })
  if (captured) await control('POST', `/payments/${unit.environment}/${unit.keys.msn}/${order}/capture`, {})
  return order
}

// Opens the explanation of a refused call; its words.
export async function explained (page, answer) {
  await page.goto(answer.explain)
  return words(page)
}

// Closes or opens a unit with BankID, as its merchant does: from its page, over the stand-in, and back.
export async function withBankId (page, unit, verb) {
  const title = verb[0].toUpperCase() + verb.slice(1)
  await open(page, unit)
  await page.getByRole('link', { name: `${title} with BankID` }).click()
  await page.getByRole('button', { name: 'Sign with BankID' }).click()
  await page.getByRole('button', { name: /^Sign as / }).click()
  await page.getByRole('button', { name: `${title} now` }).click()
  await page.waitForURL((url) => url.pathname === unit.path)
}
