// Every page that can be reached from the front page by links: no barrier that axe calls serious, in light and dark; nothing wider than a
// phone; and without a session nothing but what everybody may see.
import { ok } from '../../_lib/tap.mjs'
import { PHONE, Shop, barriers, overflow, portal, platform, signIn, unique, visit } from '../browser.mjs'

// Pages that differ in a number only look alike: two of each kind are enough.
const kind = (path) => path
  .replace(/\/(test|production)(?=\/|$|\.)/g, '/ENV')
  .replace(/\/\d[\w-]*/g, '/N')
  .replace(/(\/payments)\/[^/?]+/, '$1/ORDER')
  .replace(/(\/catalogue)\/.+/, '$1/PAGE')
  .replace(/=[^&]*/g, '=')
const MOST_OF_A_KIND = 2
// What everybody sees (and what is no page).
const PUBLIC = /^\/(|sign-in.*|catalogue.*|status.*|phone(?!\/production).*|bankid.*|assets\/.*)$/
const SKIPPED = /^\/(control\/|sign-out|assets\/)|\.(json|atom|rss|har|env)(\?|$)|\/(events|env|snapshot)(\?|$)/

export default async function () {
  const shop = new Shop()
  await shop.initiate(unique())
  await shop.call('GET', '/ecomm/v2/payments/nobody-ordered-this/details')
  const { context, page } = await visit()
  await signIn(page)
  const seen = new Map()
  const queue = ['/', '/units', '/requests', '/dashboard', '/phone', `/phone/${platform.phone.slice(2)}`, '/status', '/catalogue', '/users', '/audit', '/faults', '/partners', '/merchants']
  const known = new Set(queue)
  const visited = []
  while (queue.length) {
    const path = queue.shift()
    const count = seen.get(kind(path)) ?? 0
    if (count >= MOST_OF_A_KIND) continue
    seen.set(kind(path), count + 1)
    const answer = await page.goto(portal + path)
    if (!ok(`page ${path} is there`, answer.status() < 400, answer.status())) continue
    visited.push(path)
    await page.emulateMedia({ colorScheme: 'light' })
    let found = await barriers(page)
    ok(`page ${path} has no barrier`, found.length === 0, found.join(' ‖ '))
    await page.emulateMedia({ colorScheme: 'dark' })
    found = await barriers(page)
    ok(`page ${path} has no barrier in the dark`, found.length === 0, found.join(' ‖ '))
    await page.setViewportSize(PHONE)
    const wider = await overflow(page)
    ok(`page ${path} fits a phone`, wider <= 0, `${wider} px too wide`)
    await page.setViewportSize({ width: 1280, height: 860 })
    const links = await page.$$eval('a[href]', (all) => all.map((it) => it.href))
    for (const link of links) {
      if (!link.startsWith(`${portal}/`)) continue
      const path = link.slice(portal.length).replace(/#.*/, '')
      if (known.has(path) || SKIPPED.test(path)) continue
      known.add(path)
      queue.push(path)
    }
  }
  ok('there are many pages', visited.length >= 30, visited.length)
  await context.close()

  const stranger = await visit()
  for (const path of visited) {
    await stranger.page.goto(portal + path)
    const at = new URL(stranger.page.url()).pathname
    const isPublic = PUBLIC.test(path)
    ok(`page ${path} ${isPublic ? 'is for everybody' : 'asks to sign in'}`, isPublic === (at !== '/sign-in' || path.startsWith('/sign-in')), at)
  }
  await stranger.context.close()
}
