// Markup that is planted in what merchants and persons send is text on every page (RELIABILITY S-14): nothing of it is run.
import { readFileSync } from 'node:fs'
import { ok } from '../../_lib/tap.mjs'
import { Shop, control, platform, portal, signIn, unique, visit } from '../browser.mjs'

const corpus = readFileSync(new URL('../xss.txt', import.meta.url), 'utf8').split('\n').filter(Boolean)

export default async function () {
  ok('the corpus has a hundred texts', corpus.length >= 100, corpus.length)
  const shop = new Shop()
  const number = platform.phone.slice(2)
  let last
  for (const [at, text] of corpus.entries()) {
    const order = unique()
    // In the body, in a header, in a path: some are refused, which the inspector shows as well.
    const answer = await shop.call('POST', '/ecomm/v2/payments', {
      customerInfo: { mobileNumber: at % 2 ? number : text },
      merchantInfo: { merchantSerialNumber: at % 3 ? platform.msn : text, callbackPrefix: at % 5 ? 'http://127.0.0.1:9/' : text, fallBack: at % 7 ? 'http://127.0.0.1:9/' : text },
      transaction: { orderId: at % 11 ? order : text, amount: 100 + at, transactionText: text }
    }, { 'Vipps-System-Name': encodeURIComponent(text).slice(0, 60), 'User-Agent': text.replace(/[^\x20-\x7e]/g, '') })
    if (answer.status === 200) last = { order, url: answer.body.url }
    await shop.call('GET', `/ecomm/v2/payments/${encodeURIComponent(text)}/details`)
  }
  await control('POST', '/persons', { environment: 'test', name: corpus[0] }).catch(() => {})
  const { context, page } = await visit()
  await signIn(page, 'admin', '/requests')
  const attacked = async (where) => {
    // What an image that cannot be loaded would run comes a moment later.
    await page.waitForTimeout(150)
    const found = await page.evaluate(() => window.attacked ?? null)
    ok(`nothing planted runs on ${where}`, found === null, found)
  }
  await page.goto(`${portal}/requests?limit=1000`)
  await attacked('the list of requests')
  const links = await page.$$eval('main a[href^="/requests/"]', (all) => [...new Set(all.map((it) => it.getAttribute('href')))])
  ok('the requests can be opened', links.length >= 20, links.length)
  for (const link of links.slice(0, 60)) {
    await page.goto(portal + link)
    await attacked(link)
  }
  await page.goto(`${portal}/units/test/${platform.msn}/payments`)
  await attacked('the list of payments')
  await page.goto(`${portal}/units/test/${platform.msn}/payments/${last.order}`)
  await attacked('a payment')
  await page.goto(`${portal}/phone`)
  await attacked('the list of phones')
  await page.goto(last.url)
  await attacked('the landing page')
  for (const text of corpus.slice(0, 30)) {
    await page.goto(`${portal}/requests?text=${encodeURIComponent(text)}&cause=${encodeURIComponent(text)}`)
    await attacked('a search in the requests')
    await page.goto(`${portal}/catalogue?q=${encodeURIComponent(text)}`)
    await attacked('a search in the catalogue')
  }
  await context.close()
}
