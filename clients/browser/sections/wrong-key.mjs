// A developer with a wrong key opens the explanation, is led to the keys, and mends the call with what is copied there.
import { ok } from '../../_lib/tap.mjs'
import { Shop, platform, portal, signIn, unique, visit } from '../browser.mjs'

export default async function () {
  const other = platform.key.replace(/^./, (first) => first === 'a' ? 'b' : 'a')
  const shop = new Shop({ ...platform })
  shop.bearer = await shop.token()
  shop.keys.key = other
  const refused = await shop.call('GET', `/ecomm/v2/payments/${unique()}/details`)
  ok('a wrong key is refused and explained', refused.status === 401 && refused.explain, refused)
  const { context, page } = await visit()
  await page.goto(refused.explain)
  const text = await page.locator('main').innerText()
  ok('the explanation names the subscription key', /subscription.key/i.test(text), text)
  ok('the explanation shows no whole key', !text.includes(other) && !text.includes(platform.key))
  await signIn(page, 'developer', `/units/test/${platform.msn}/keys`)
  await page.getByRole('button', { name: /^Show .*primary/ }).click()
  const key = page.getByText(platform.key)
  await key.waitFor()
  const keys = await page.locator('main').innerText()
  const found = keys.match(/\b[0-9a-f]{32}\b/)
  ok('the page of keys shows the subscription key when asked', found?.[0] === platform.key, keys)
  shop.keys.key = found?.[0]
  const mended = await shop.call('GET', `/ecomm/v2/payments/${unique()}/details`)
  ok('with that key the call gets further', mended.status === 404, mended)
  await context.close()
}
