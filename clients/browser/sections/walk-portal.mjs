// Numbered checks, walked on the portal: keys, products, who may see what, and what a refused call leads to.
import { ok } from '../../_lib/tap.mjs'
import { Shop, control, platform, portal, production, signIn, unique, visit } from '../browser.mjs'
import { attempt, code, explained, fact, is, makeUnit, open, shownKeys, tokenRequest, words } from '../walk.mjs'

// Regenerates a key on the page of keys, as a person who reads what breaks; the keys then.
async function regenerate (page, unit, name) {
  await page.goto(`${portal}${unit.path}/keys`)
  await page.getByRole('link', { name: `Regenerate… ${name}` }).click()
  const warned = await words(page)
  await page.getByRole('button', { name: `Regenerate ${name}` }).click()
  await page.waitForURL((url) => url.search.startsWith('?new='))
  return { warned, told: await page.getByRole('status').first().innerText(), keys: await shownKeys(page) }
}

export default async function () {
  const { context, page } = await visit()
  await signIn(page, 'developer')
  const first = await makeUnit(page)
  const fresh = await attempt(first.shop)
  ok('FAQ-83 a test unit made on the portal takes payments with the keys shown there', fresh.status === 200, fresh)
  ok('PLAT-40 it is usable at once, and its number has six digits', /work at once/.test(first.told) && /^\d{6}$/.test(first.keys.msn) && fresh.status === 200, first.told)
  await open(page, first)
  const orgno = await fact(page, 'Organisation number')
  const second = await makeUnit(page, { orgno })
  await lists(page, first)
  await selfCheck(page, first)
  await regenerated(page, first)
  await mendsNothing(page, orgno, first, second)
  await products(page)
  await landing(page)
  await beside(page, first)
  await owners(page, first, second)
  await context.close()
  await readers(first)
}

async function lists (page, unit) {
  const refused = await unit.shop.details(unique())
  ok('FAQ-44 a refused call has an explanation', is(refused, 404, 35) && refused.explain, refused)
  for (const [environment, name] of [['test', 'demo'], ['production', 'demo']]) {
    await page.goto(`${portal}/units`)
    await page.getByRole('radio', { name: environment, exact: true }).check()
    await page.getByRole('button', { name: 'Show', exact: true }).click()
    const cells = await page.locator('tbody tr', { has: page.getByRole('link', { name, exact: true }) }).locator('td').allInnerTexts()
    ok(`FAQ-44 the list has the units of ${environment} with number and products`, cells.length && /^\d{6}$/.test(cells[0]) && cells[1].toLowerCase() === environment && cells[3] === 'eCom (“Vipps på nett”), Login, Checkout', cells)
    const others = await page.locator('td[data-name="Environment"]').allInnerTexts()
    ok(`FAQ-44 and only those of ${environment}`, others.length > 0 && others.every((it) => it.toLowerCase() === environment), others)
  }
  // Somebody who is not signed in yet comes from the explanation to the keys.
  const stranger = await visit()
  const text = await explained(stranger.page, refused)
  ok('FAQ-44 the explanation tells the cause', /order/i.test(text), text)
  await stranger.page.getByRole('link', { name: `Keys of sales unit ${unit.keys.msn}` }).click()
  await stranger.page.getByRole('button', { name: /developer/i }).first().click()
  await stranger.page.getByRole('button', { name: /sign/i }).first().click()
  await stranger.page.waitForURL((url) => url.pathname === `${unit.path}/keys`)
  const keys = await shownKeys(stranger.page)
  ok('FAQ-44 its link leads over BankID to the keys of the unit', keys.key === unit.keys.key && keys.clientSecret === unit.keys.clientSecret)
  await stranger.context.close()
}

async function selfCheck (page, unit) {
  const check = async ({ clientId, clientSecret, key, msn }) => {
    await page.goto(`${portal}/requests`)
    await page.getByRole('link', { name: 'Are my keys right?' }).click()
    await page.getByLabel('Environment').selectOption('test')
    await page.getByLabel('client_id').fill(clientId)
    await page.getByLabel('client_secret').fill(clientSecret)
    await page.getByLabel('Ocp-Apim-Subscription-Key').fill(key)
    await page.getByLabel('Sales unit number (MSN)').fill(msn)
    await page.getByRole('button', { name: 'Check', exact: true }).click()
    await page.locator('#result').waitFor()
    return page.locator('table.verdicts tbody tr .badge').evaluateAll((all) => all.map((it) => [it.closest('tr').id.replace('-result', ''), it.className.replace('badge', '').trim()]))
  }
  const right = await check(unit.keys)
  ok('FAQ-45 right keys are found right, each of them', right.length >= 4 && right.every(([, tone]) => tone === 'good') && /All of them are right/.test(await words(page)), right)
  ok('FAQ-45 and the token request with them succeeds', is(await tokenRequest(unit.keys), 200))
  const bad = { ...unit.keys, clientSecret: platform.clientSecret }
  const wrong = await check(bad)
  const tones = Object.fromEntries(wrong)
  ok('FAQ-45 of keys with a wrong secret the secret alone is named', tones.client_secret === 'bad' && tones.subscription_key === 'good' && tones.client_id === 'good', wrong)
  ok('FAQ-45 no key stands on the page', !(await page.content()).includes(bad.clientSecret) && !(await page.content()).includes(bad.key))
  ok('FAQ-45 and the token request with them is refused', is(await tokenRequest(bad), 401, 'invalid_client'))
  await page.goto(`${portal}/requests?cause=token.secret_wrong`)
  await page.locator('#calls tr', { hasText: 'token.secret_wrong' }).first().getByRole('link').click()
  const seen = await words(page)
  ok('FAQ-45 the inspector shows request and answer of it, secrets masked', /client_secret/.test(seen) && /invalid_client/.test(seen) && !seen.includes(bad.clientSecret), seen)
}

async function regenerated (page, unit) {
  const old = unit.keys
  const tokenBefore = await unit.shop.token()
  const secret = await regenerate(page, unit, 'client_secret')
  ok('FAQ-46 the page tells before what breaks', /At once: token requests with the old secret are refused/.test(secret.warned), secret.warned)
  const dead = await tokenRequest(old)
  ok('FAQ-46 the old secret is refused at once', secret.keys.clientSecret !== old.clientSecret && is(dead, 401, 'invalid_client'), dead)
  ok('FAQ-46 the new secret gets a token', is(await tokenRequest(secret.keys), 200))
  const why = await explained(page, dead)
  ok('FAQ-46 the explanation tells that it was regenerated, and when', /was regenerated at \d{4}-/.test(why) && /token\.secret_regenerated/.test(why), why)
  const primary = await regenerate(page, unit, 'Ocp-Apim-Subscription-Key (primary)')
  unit.keys = primary.keys
  const call = (key) => Object.assign(new Shop({ ...primary.keys, key }), { bearer: tokenBefore }).details(unique())
  const [gone, other, anew] = [await call(old.key), await call(old.secondary), await call(primary.keys.key)]
  ok('FAQ-47 the old primary key is refused at once', is(gone, 401, 401) && /subscription key/.test(gone.body.message), gone)
  ok('FAQ-47 the secondary key is as it was', primary.keys.secondary === old.secondary && is(other, 404, 35), other)
  ok('FAQ-47 the new primary key works', is(anew, 404, 35), anew)
  const told = await explained(page, gone)
  ok('FAQ-47 the explanation tells that it was regenerated, and when', /was regenerated at \d{4}-/.test(told) && /subkey\.regenerated/.test(told), told)
  ok('PLAT-38 the page says the old one is refused from now on, which the API does, and the other keys live', /The old one is refused from now on; the other keys are as they were/.test(primary.told) && gone.status === 401 && other.status === 404, primary.told)
  unit.shop = new Shop(primary.keys)
}

async function mendsNothing (page, orgno, one, two) {
  const admin = await visit()
  await signIn(admin.page, 'admin')
  const partner = await control('POST', '/partners', { name: 'Walking Partner AS' })
  const linked = await makeUnit(admin.page, { environment: 'production', orgno, partner: partner.id })
  const office = { path: `/partners/production/${partner.id}` }
  const keysOf = async () => { await admin.page.goto(`${portal}${office.path}/keys`); return shownKeys(admin.page) }
  // FAQ-31, FAQ-39 and FAQ-41: another unit's number, the other environment's, a partner that names the unit in the body only.
  const causes = [
    ['FAQ-31', page, two, () => two.keys, one.keys.msn, 'msn.not_yours', 401],
    ['FAQ-39', admin.page, linked, () => linked.keys, one.keys.msn, 'env.msn', 401],
    ['FAQ-41', admin.page, office, keysOf, linked.keys.msn, 'partner.msn_in_body_only', 403]
  ]
  for (const [number, where, owner, keys, msn, cause, status] of causes) {
    const provoke = async () => {
      const now = await keys()
      const token = (await tokenRequest(now)).body.access_token
      const answer = await fetch(`${now.base}/ecomm/v2/payments`, {
        method: 'POST',
        headers: { Authorization: `Bearer ${token}`, 'Ocp-Apim-Subscription-Key': now.key, 'Content-Type': 'application/json' },
        body: JSON.stringify({ customerInfo: {}, merchantInfo: { merchantSerialNumber: msn, callbackPrefix: 'https://shop.example/cb', fallBack: 'https://shop.example/' }, transaction: { orderId: unique(), amount: 100, transactionText: 'Socks' } })
      })
      return { status: answer.status, explain: answer.headers.get('explain'), body: await answer.json() }
    }
    const before = await provoke()
    const text = await explained(where, before)
    ok(`FAQ-48 ${number} is refused, and nothing suggests to regenerate`, before.status === status && text.includes(cause) && !/regenerat/i.test(text), text.slice(200))
    for (const name of ['client_secret', 'Ocp-Apim-Subscription-Key (primary)']) {
      const made = await regenerate(where, owner, name)
      if (owner.keys) owner.keys = made.keys
      ok(`FAQ-48 the page of ${name} says it mends nothing else`, /It mends nothing else/.test(made.warned), made.warned)
    }
    const after = await provoke()
    ok(`FAQ-48 ${number} is refused as before with all keys new`, after.status === status && code(after) === code(before) && (await explained(where, after)).includes(cause), after)
  }
  two.shop = new Shop(two.keys)
  await admin.context.close()
}

async function products (page) {
  const unit = await makeUnit(page, { options: [/Login only/] })
  const refused = await attempt(unit.shop)
  ok('PLAT-36 a unit for login only takes no payment', is(refused, 403, 97), refused)
  ok('FAQ-51 the explanation tells why', (await explained(page, refused)).includes('unit.login_only'))
  await page.getByRole('link', { name: 'The sales unit and its products' }).click()
  await page.getByRole('button', { name: /^Order .*Vipps på nett/ }).click()
  await page.getByText('The platform checks the merchant now').waitFor()
  const waiting = await attempt(unit.shop)
  ok('FAQ-88 after ordering "Vipps på nett", the platform checks first', is(waiting, 403, 97), waiting)
  await page.getByRole('button', { name: /approve .*Vipps på nett/ }).click()
  await page.waitForFunction(() => !document.body.innerText.includes('The platform checks the merchant now'))
  const products = await fact(page, 'API products')
  const allowed = await attempt(unit.shop)
  ok('FAQ-88 approved, the unit has the product', /eCom/.test(products), products)
  ok('FAQ-51 and the same call succeeds', allowed.status === 200, allowed)
}

async function landing (page) {
  for (const [options, flag, status, error] of [[[], 'off (error 38)', 403, 38], [[/Skip landing page/], 'on', 200, null]]) {
    const unit = await makeUnit(page, { options })
    await open(page, unit)
    const shown = await fact(page, 'skipLandingPage')
    const probe = await attempt(unit.shop, { customerInfo: { mobileNumber: platform.phone.slice(2) }, transaction: { amount: 200, skipLandingPage: true } })
    ok(`FAQ-116 the page says that skipLandingPage is ${flag}`, shown === flag, shown)
    ok(`FAQ-116 and a probe of 2 kroner is answered ${status}`, probe.status === status && (error === null || is(probe, status, error)), probe)
  }
}

async function beside (page, unit) {
  const wrong = await attempt(unit.shop, { merchantInfo: { fallBack: undefined, fallback: 'http://127.0.0.1:9/thanks' } })
  ok('FAQ-69 a misspelt member is answered 500', is(wrong, 500, 99), wrong)
  await page.goto(`${portal}/requests?msn=${unit.keys.msn}&refused=on`)
  await page.locator('#calls tr', { hasText: 'json.member_case' }).first().getByRole('link').click()
  const struck = (await page.locator('table.diff del').allInnerTexts()).join('\n')
  const right = (await page.locator('table.diff ins').allInnerTexts()).join('\n')
  ok('FAQ-69 the inspector strikes what was wrong', struck.includes('"fallback"'), struck)
  ok('FAQ-69 and shows the valid line beside it', right.includes('"fallBack"'), right)
  await page.getByRole('button', { name: 'Send again' }).click()
  await page.waitForURL((url) => /^\/requests\/./.test(url.pathname))
  ok('FAQ-69 sent again unchanged it is refused again', /500/.test(await page.locator('h1').innerText()))
}

async function owners (page, one, two) {
  const stranger = await makeUnit(page)
  const [mine, theirs] = [unique(), unique()]
  await two.shop.initiate(mine)
  await stranger.shop.initiate(theirs)
  const asked = [await one.shop.details(mine), await one.shop.details(theirs)]
  ok('PLAT-66 an order of another unit is not found, whosever it is', asked.every((it) => is(it, 404, 35)), asked)
  ok('PLAT-66 the explanation names the merchant\'s own other unit', (await explained(page, asked[0])).includes(two.keys.msn))
  ok('PLAT-66 and no stranger\'s', !(await page.goto(asked[1].explain).then(() => page.content())).includes(stranger.keys.msn))
  // This machine administers an installation that only it reaches; a page of another site is anybody else.
  const read = async (address, keys) => (await fetch(address, { headers: { Origin: 'https://elsewhere.example', ...keys } })).status
  const of = ({ clientId, clientSecret, key }) => ({ client_id: clientId, client_secret: clientSecret, 'Ocp-Apim-Subscription-Key': key })
  const address = asked[0].explain
  const statuses = [await read(address, of(one.keys)), await read(address, of(stranger.keys)), await read(address, {})]
  ok('PLAT-65 the caller\'s keys open the explanation, nobody else\'s do', statuses.join() === '200,404,404', statuses)
  const nowhere = [address.replace(/[^/]+$/, 'nobody-was-told-this'), address.replace(new URL(address).origin, production)]
  for (const place of nowhere) {
    const answer = await page.goto(place)
    ok('PLAT-65 what is not there, or is of the other environment, is a page that says so', answer.status() === 404 && /No explanation here/.test(await words(page)), answer.status())
  }
}

async function readers (unit) {
  const { context, page } = await visit()
  await signIn(page, 'reader', unit.path)
  ok('PLAT-39 a reader is offered no keys', await page.getByRole('link', { name: 'Keys', exact: true }).count() === 0)
  for (const rest of ['/keys', '/keys/env', '/keys/client_secret/regenerate']) {
    const answer = await page.goto(`${portal}${unit.path}${rest}`)
    const text = await page.content()
    ok(`PLAT-39 ${rest} is refused to a reader`, answer.status() === 403 && !text.includes(unit.keys.clientSecret) && !text.includes(unit.keys.key) && !text.includes(unit.keys.secondary), answer.status())
  }
  const works = await attempt(unit.shop)
  ok('PLAT-39 and the keys are as they were', works.status === 200, works)
  await context.close()
}
