// What happens shows by itself: the landing page, the phone and the inspector follow. How fast, measured in the browser, is printed; with
// MEASURE=1 it must be within 300 ms, which says something on a quiet machine with a release build only.
import { ok } from '../../_lib/tap.mjs'
import { Shop, platform, portal, signIn, unique, visit } from '../browser.mjs'

const MOST = process.env.MEASURE ? 300 : 10_000
const number = platform.phone.slice(2)

// Notes in the page when something of this kind is there, in milliseconds since 1970.
const noting = (page, look) => page.evaluate((look) => {
  const found = new Function(`return ${look}`)
  window.noted = new Promise((resolve) => {
    const tell = () => found() && resolve(Date.now())
    new MutationObserver(tell).observe(document, { subtree: true, childList: true, characterData: true, attributes: true })
    tell()
  })
}, look)

export default async function () {
  const shop = new Shop()
  const { context, page: inspector } = await visit()
  await signIn(inspector, 'admin', '/requests')
  const landing = await context.newPage()
  const phone = await context.newPage()
  await phone.goto(`${portal}/phone/${number}`)
  await phone.getByLabel(/PIN/).fill('1236')
  await phone.getByRole('button', { name: /log in/i }).click()
  const spans = { inspector: [], phone: [], landing: [] }
  for (let round = 0; round < 5; round++) {
    const order = unique()
    await noting(inspector, `document.body.innerText.includes('${order}') || [...document.querySelectorAll('[title],[href],[data-order]')].some((it) => it.outerHTML.includes('${order}'))`)
    const url = await shop.initiate(order, 49900, { customerInfo: { mobileNumber: number } })
    await shop.details(order)
    const called = Date.now()
    spans.inspector.push(await inspector.evaluate(() => window.noted) - called)
    await noting(phone, `document.body.innerHTML.includes('${order}')`)
    await landing.goto(url)
    const asked = Date.now()
    await landing.getByRole('button', { name: 'Continue' }).click()
    spans.phone.push(await phone.evaluate(() => window.noted) - asked)
    // The landing page leaves for the shop when it learns of the approval.
    const left = landing.waitForRequest((request) => request.isNavigationRequest()).then(() => Date.now())
    const before = Date.now()
    await phone.getByRole('button', { name: /approve|pay/i }).first().click()
    spans.landing.push(await left - before)
    await landing.waitForTimeout(300)
  }
  for (const [where, all] of Object.entries(spans)) {
    const worst = Math.max(...all)
    ok(`${where} follows within ${MOST} ms (${all.join(', ')})`, worst < MOST, `${worst} ms`)
  }
  await context.close()
}
