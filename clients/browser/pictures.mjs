// The pictures of the README, taken from the running program: an explained refusal in the inspector, the payer's side, a payment.
import { need } from '../_lib/tap.mjs'
import { Shop, end, platform, portal, signIn, unique, visit } from './browser.mjs'

const folder = need('PICTURES')
const number = platform.phone.slice(2)
const size = { width: 1100, height: 760 }
const take = (page, name) => page.screenshot({ path: `${folder}/${name}.png` })

const shop = new Shop()
const orders = ['socks-1041', 'socks-1042', 'socks-1043']
const { context, page } = await visit({ viewport: size })
await signIn(page, 'admin', '/requests')

// A payment with a history.
const [paid, open] = orders
await shop.initiate(paid, 49900, { customerInfo: { mobileNumber: number } })
await shop.call('POST', `/ecomm/v2/integration-test/payments/${paid}/approve`, {})
const money = (amount) => ({ merchantInfo: { merchantSerialNumber: platform.msn }, transaction: { amount, transactionText: 'Two of three pairs' } })
await shop.call('POST', `/ecomm/v2/payments/${paid}/capture`, money(34900), { 'X-Request-Id': unique() })
await shop.call('POST', `/ecomm/v2/payments/${paid}/refund`, money(9900), { 'X-Request-Id': unique() })
await page.goto(`${portal}/units/test/${platform.msn}/payments/${paid}`)
await take(page, 'payment')

// A refusal, explained.
await shop.call('POST', `/ecomm/v2/payments/${paid}/capture`, money(49900), { 'X-Request-Id': unique() })
await page.goto(`${portal}/requests?refused=true`)
await page.locator('main li a[href^="/requests/"], main tbody a[href^="/requests/"]').first().click()
await page.waitForLoadState()
await take(page, 'explained')

// The payer: landing page and phone side by side.
const url = await shop.initiate(open, 24900, { customerInfo: { mobileNumber: number } })
const landing = await context.newPage()
await landing.setViewportSize({ width: 550, height: 760 })
const phone = await context.newPage()
await phone.setViewportSize({ width: 550, height: 760 })
await phone.goto(`${portal}/phone/${number}`)
await phone.getByLabel(/PIN/).fill('1236')
await phone.getByRole('button', { name: /log in/i }).click()
await landing.goto(url)
await landing.getByRole('button', { name: 'Continue' }).click()
await phone.getByRole('button', { name: /approve|pay/i }).first().waitFor()
await phone.waitForTimeout(300)
const both = await Promise.all([landing, phone].map((it) => it.screenshot()))
const frame = await context.newPage()
await frame.setViewportSize(size)
await frame.setContent(`<body style="margin:0;display:flex">${both.map((png) => `<img src="data:image/png;base64,${png.toString('base64')}" width="550" height="760" alt="">`).join('')}</body>`)
await take(frame, 'payer')
await end()
