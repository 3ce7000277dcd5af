// What pages of others can do to somebody who is signed in at the portal (RELIABILITY S-14, S-15): nothing.
import { ok } from '../../_lib/tap.mjs'
import { died, Shop, control, logIn, ownShop, person, platform, portal, serve, signIn, unique, visit } from '../browser.mjs'

const SESSION = 'sandkasse-session'
const number = platform.phone.slice(2)

// A page that sends what its address says, in every way that a page can without asking the other side first.
const attack = (name) => `<!doctype html><title>Evil</title><body><p>${name}</p>`

// All that an attack could change, in one text.
async function state (msn) {
  const users = await control('GET', '/users')
  const unit = await control('GET', `/sales-units/test/${msn}`)
  const keys = await control('GET', `/sales-units/test/${msn}/keys`)
  const faults = await control('GET', '/faults')
  const payments = await control('GET', `/payments/test/${msn}`)
  const stable = (it) => JSON.stringify(it, (key, value) => key === 'now' || key === 'clock' ? undefined : value)
  return [users, unit, keys, faults, payments].map(stable).join('\n')
}

async function acrossOrigins () {
  const shop = await ownShop({ name: 'Attacked' })
  const { msn } = shop.keys
  const order = unique()
  const url = await shop.initiate(order, 49900, { customerInfo: { mobileNumber: number } })
  const { context, page } = await visit({ watched: false })
  await signIn(page)
  await logIn(page, number)
  const server = await serve((request) => ({ text: attack(request.url) }))
  const before = await state(msn)
  const targets = [
    ['/control/v1/users', JSON.stringify({ name: 'Mallory', role: 'admin' })],
    ['/control/v1/faults', JSON.stringify({ kind: 'drop', environment: 'test', msn })],
    [`/control/v1/sales-units/test/${msn}/advance`, JSON.stringify({ days: 1 })],
    [`/control/v1/sales-units/test/${msn}/keys/primary/regenerate`, ''],
    [`/control/v1/payments/test/${msn}/${order}/force-approve`, JSON.stringify({ phone: number })],
    ['/control/v1/reset', '{}'],
    ['/users', 'name=Mallory&role=admin'],
    [`/units/test/${msn}/keys/primary/regenerate`, ''],
    [`/units/test/${msn}/time`, 'days=1'],
    [`/units/test/${msn}/deactivate`, ''],
    ['/faults/clear', ''],
    [`/phone/${number}/approve`, `msn=${msn}&order=${order}`],
    [`/phone/${number}/lock`, ''],
    ['/sign-out', 'everywhere=yes'],
    ['/sign-in', 'user=1&next=/units']
  ]
  // Another port is another origin of the same site: cookies of SameSite go along. Another name is another site.
  for (const [site, base] of [['the same site', server.base], ['another site', `http://localhost:${server.port}`]]) {
    await page.goto(`${base}/evil`)
    for (const [path, body] of targets) {
      const read = await page.evaluate(async ({ url, body }) => {
        await fetch(url, { method: 'POST', mode: 'no-cors', credentials: 'include', headers: { 'content-type': 'text/plain' }, body }).catch(() => {})
        const form = new URLSearchParams(body)
        await fetch(url, { method: 'POST', mode: 'no-cors', credentials: 'include', body: form }).catch(() => {})
        return fetch(url, { credentials: 'include' }).then((answer) => answer.text(), () => null)
      }, { url: portal + path, body })
      ok(`S-15 a page of ${site} cannot read ${path}`, read === null, read)
    }
    for (const [path, body] of targets) {
      await page.goto(`${base}/evil`)
      const answered = page.waitForNavigation()
      await page.evaluate(({ url, body }) => {
        const form = document.createElement('form')
        form.method = 'post'
        form.action = url
        for (const [name, value] of new URLSearchParams(body)) {
          const field = document.createElement('input')
          field.name = name
          field.value = value
          form.append(field)
        }
        document.body.append(form)
        form.submit()
      }, { url: portal + path, body })
      const status = (await answered).status()
      ok(`S-15 a form of a page of ${site} is refused at ${path}`, status === 403, status)
    }
    await page.goto(`${base}/evil`)
    const loaded = await page.evaluate(async (urls) => {
      const tried = urls.map((url) => new Promise((resolve) => {
        const image = new Image()
        image.onload = () => resolve(url)
        image.onerror = () => resolve(null)
        image.src = url
      }))
      const scripts = urls.map((url) => new Promise((resolve) => {
        const script = document.createElement('script')
        script.onload = () => resolve(url)
        script.onerror = () => resolve(null)
        script.src = url
        document.head.append(script)
      }))
      return (await Promise.all([...tried, ...scripts])).filter(Boolean)
    }, [`${portal}/control/v1/env`, `${portal}/units`, `${portal}/control/v1/sales-units`, `${portal}/requests.har`])
    ok(`S-15 images and scripts on a page of ${site} load nothing of the portal`, loaded.length === 0, loaded)
  }
  ok('S-15 after all of that nothing has changed', await state(msn) === before, 'it has')
  await page.goto(`${portal}/units`)
  ok('S-15 and who was signed in still is', new URL(page.url()).pathname === '/units', page.url())
  await page.goto(`${portal}/phone/${number}`)
  ok('S-15 and the phone is still open', await page.getByLabel('PIN').count() === 0)
  await page.goto(`${server.base}/evil`)
  await page.evaluate((url) => { document.body.innerHTML = `<a href="${url}">go</a>` }, url)
  await page.getByRole('link').click()
  await page.getByRole('button', { name: 'Cancel' }).waitFor()
  ok('S-15 a link of a shop to the landing page works all the same', true)
  await page.goto(`http://localhost:${server.port}/evil`)
  await page.evaluate((url) => { document.body.innerHTML = `<a href="${url}">go</a>` }, `${portal}/units`)
  await page.getByRole('link').click()
  await page.waitForURL(`${portal}/units`)
  ok('S-15 and so does one to the portal, signed in', await page.getByRole('button', { name: 'Sign out' }).count() === 1)
  await context.close()
  await server.close()
}

async function framing () {
  const shop = new Shop()
  const order = unique()
  const url = await shop.initiate(order)
  await shop.details('not-there')
  const refused = await shop.details('nobody-ordered-this')
  const server = await serve((request) => request.url === '/harmless' ? { text: 'harmless' } : { text: `<iframe src="${new URL(request.url, 'http://x').searchParams.get('show')}"></iframe>` })
  const { context, page } = await visit({ watched: false })
  await signIn(page)
  const framed = async (address) => {
    await page.goto(`${server.base}/frame?show=${encodeURIComponent(address)}`)
    const frame = page.frames()[1]
    await frame.waitForLoadState().catch(() => {})
    return { url: frame.url(), html: await frame.content() }
  }
  ok('S-14 what may be framed is seen', (await framed(`${server.base}/harmless`)).html.includes('harmless'))
  const unit = `/units/test/${platform.msn}`
  const paths = ['/', '/sign-in', '/units', unit, `${unit}/keys`, `${unit}/time`, `${unit}/payments`, `${unit}/payments/${order}`, '/requests', '/dashboard', '/phone', `/phone/${number}`, `/phone/demo?numbers=${number}`, '/status', '/catalogue', '/users', '/audit', '/faults', '/partners', '/merchants', '/no-such-page', '/control/v1/env', '/assets/portal.css']
  for (const address of [...paths.map((path) => portal + path), url, url.replace(/token=.*/, 'token=x'), refused.explain, `${refused.explain}x`]) {
    const name = address.replace(/token=.*/, 'token=…')
    const { url: at, html } = await framed(address)
    // The portal says so itself; of the payer's pages the browser shows nothing.
    const refused = address.startsWith(portal) ? html.includes('"cause":"cross_site"') : at.startsWith('chrome-error:')
    ok(`S-14 ${name} is not shown in a frame`, refused && !/Sandkasse|<form|<main/.test(html), `${at} ${html}`)
    if (/\/control\/|\.css$|no-such-page/.test(address)) continue
    const headers = (await page.goto(address)).headers()
    ok(`S-14 ${name} forbids framing and inline scripts`, headers['x-frame-options'] === 'DENY' && /frame-ancestors 'none'/.test(headers['content-security-policy']) && !/unsafe/.test(headers['content-security-policy']), headers)
  }
  await context.close()
  await server.close()
}

async function cookies () {
  const { context, page } = await visit()
  const planted = 'f'.repeat(64)
  await context.addCookies([{ name: SESSION, value: planted, url: portal, httpOnly: true, sameSite: 'Lax' }])
  await page.goto(`${portal}/units`)
  ok('S-14 a planted cookie signs nobody in', new URL(page.url()).pathname === '/sign-in', page.url())
  await signIn(page)
  await logIn(page, number)
  const all = await context.cookies()
  const session = all.filter(({ name }) => name === SESSION)
  ok('S-14 signing in replaces a planted cookie', session.length === 1 && session[0].value !== planted && session[0].value.length === 64, session)
  ok('S-14 every cookie is HttpOnly and SameSite, and ends with the browser', all.length >= 2 && all.every((it) => it.httpOnly && ['Lax', 'Strict'].includes(it.sameSite)), all)
  ok('S-14 no script sees a cookie', await page.evaluate(() => document.cookie) === '')
  // Whoever signs in again gets a new session; the old one is over.
  const old = session[0].value
  await signIn(page)
  const renewed = (await context.cookies(portal)).find(({ name }) => name === SESSION).value
  ok('S-14 signing in again makes a new session', renewed !== old)
  const thief = await visit()
  await thief.context.addCookies([{ name: SESSION, value: old, url: portal }])
  await thief.page.goto(`${portal}/units`)
  ok('S-14 the old session is over', new URL(thief.page.url()).pathname === '/sign-in', thief.page.url())
  await thief.context.close()
  await context.close()
}

async function signingOut () {
  const [here, there, other] = [await visit(), await visit(), await visit()]
  for (const { page } of [here, there]) await signIn(page)
  await signIn(other.page, 'developer')
  await here.page.goto(`${portal}/sign-in`)
  await here.page.getByRole('button', { name: 'Sign out everywhere' }).click()
  await here.page.waitForURL(`${portal}/`)
  await there.page.goto(`${portal}/units`)
  ok('S-14 signed out everywhere: the other browser is signed out', new URL(there.page.url()).pathname === '/sign-in', there.page.url())
  await other.page.goto(`${portal}/units`)
  ok('S-14 other users stay signed in', new URL(other.page.url()).pathname === '/units', other.page.url())
  await there.context.close()
  await other.context.close()

  const { context, page } = here
  const path = `/units/test/${platform.msn}/keys`
  await signIn(page, 'developer', path)
  await page.getByRole('button', { name: 'Show all' }).click()
  await page.getByText(platform.key).waitFor()
  ok('S-14 the keys were on the page', true)
  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.waitForURL(`${portal}/`)
  for (let step = 0; step < 3; step++) {
    await page.goBack().catch(() => {})
    await page.waitForTimeout(500)
    const html = await page.content()
    ok(`S-14 signed out, ${step + 1} back shows no keys`, !html.includes(platform.key) && !html.includes(platform.clientSecret), page.url())
  }
  const answer = await page.goto(portal + path)
  ok('S-14 the page of keys asks to sign in', new URL(answer.url()).pathname === '/sign-in', answer.url())
  await context.close()
}

async function phones () {
  const [mine, yours] = [await person(), await person()]
  const { context, page } = await visit()
  await logIn(page, mine.phone)
  const stranger = await visit()
  await stranger.page.goto(`${portal}/phone/${mine.phone}`)
  ok('S-14 a phone open in one browser is closed in another', await stranger.page.getByLabel('PIN').count() === 1)
  await page.goto(`${portal}/phone/${yours.phone}`)
  ok('S-14 one open phone opens no other', await page.getByLabel('PIN').count() === 1)
  await stranger.context.close()
  await context.close()
}

export default async function () {
  for (const walk of [acrossOrigins, framing, cookies, signingOut, phones]) {
    try { await walk() } catch (error) {
      if (died(error)) throw error
      ok(`safety ${walk.name} is walked to its end`, false, error)
    }
  }
}
