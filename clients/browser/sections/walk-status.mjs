// Numbered checks, walked on the portal: whether it is the platform's fault. Status pages, glitches, dashboard.
// PLAT-61 has no screen: there is no page of settlements in either environment.
import { ok } from '../../_lib/tap.mjs'
import { control, platform, portal, signIn, unique, visit } from '../browser.mjs'
import { attempt, code, explained, is, makeUnit, open, words } from '../walk.mjs'

const DETAILS = 'GET /ecomm/v2/payments/{orderId}/details'

export default async function () {
  const { context, page } = await visit()
  await signIn(page, 'admin')
  const unit = await makeUnit(page)
  await incident(page, unit)
  await glitch(page, unit)
  await dashboard(page, unit)
  await callback(page, unit)
  await context.close()
}

// Puts a rule for the next call of this unit in force, on its page of faults.
async function arm (page, unit, kind) {
  await page.goto(`${portal}${unit.path}/faults`)
  await page.getByLabel('Fault', { exact: true }).selectOption(kind)
  // Else the token request would be the next call.
  await page.getByLabel('Operation').selectOption('initiate')
  await page.getByLabel('Only the next calls').check()
  await page.getByRole('button', { name: 'Put in force' }).click()
  await page.getByRole('heading', { name: 'Rules in force' }).waitFor()
  return words(page)
}

// A form of the status page: how it is said, and of which media type.
async function feed (environment, form) {
  const answer = await fetch(`${portal}/status/${environment}.${form}`)
  return { media: answer.headers.get('content-type') ?? '', text: await answer.text() }
}

async function incident (page, unit) {
  const title = `Captures fail ${unique()}`
  const fail = async () => {
    await arm(page, unit, 'internal-error')
    const refused = await attempt(unit.shop)
    ok('FAQ-72 a fault of the platform is answered 500', is(refused, 500, 99), refused)
    await explained(page, refused)
    return page.locator('#status-page').count()
  }
  ok('FAQ-72 the explanation leads to no status page while nothing is open', await fail() === 0)
  await page.goto(`${portal}/status/test`)
  const form = page.locator('#open-test')
  await form.getByLabel('How bad').selectOption('outage')
  await form.getByLabel('Title').fill(title)
  await form.getByLabel('What to tell').fill('We look into it.')
  await form.getByRole('button', { name: 'Open' }).click()
  const card = page.locator('article.incident', { hasText: title })
  await card.waitFor()
  ok('FAQ-72 the incident is on the status page of the environment', /We look into it\./.test(await card.innerText()))
  // Who is not signed in sees it, of this environment only.
  const anybody = await visit()
  for (const [environment, there] of [['test', true], ['production', false]]) {
    await anybody.page.goto(`${portal}/status/${environment}`)
    ok(`PLAT-64 the page of ${environment} ${there ? 'tells' : 'does not tell'} it`, (await words(anybody.page)).includes(title) === there)
    for (const [kind, media] of [['json', 'application/json'], ['atom', 'application/atom+xml'], ['rss', 'application/rss+xml']]) {
      const link = await anybody.page.getByRole('link', { name: kind, exact: false }).first().getAttribute('href')
      const { media: said, text } = await feed(environment, kind)
      ok(`PLAT-64 the ${kind} of ${environment} ${there ? 'tells' : 'does not tell'} it`, link === `/status/${environment}.${kind}` && said.startsWith(media) && text.includes(title) === there, [link, said, text])
    }
  }
  await anybody.context.close()
  ok('FAQ-72 the explanation of a 500 now leads to the status page', await fail() === 1)
  await page.locator('#status-page').getByRole('link').click()
  ok('FAQ-72 which tells the incident', (await words(page)).includes(title) && new URL(page.url()).pathname === '/status/test', page.url())
  const told = page.locator('article.incident', { hasText: title })
  await told.getByLabel('How far it is').selectOption('resolved')
  await told.getByLabel('What to tell').fill('Mended.')
  await told.getByRole('button', { name: 'Tell' }).click()
  await page.locator('details.incident', { hasText: title }).waitFor()
  ok('PLAT-64 resolved, it is past on the page and closed in the JSON', JSON.parse((await feed('test', 'json')).text).incidents.every((it) => it.title !== title || it.open === false))
  ok('FAQ-72 and explanations lead there no longer', await fail() === 0)
}

async function glitch (page, unit) {
  const rules = await arm(page, unit, 'sql-glitch')
  ok('PLAT-60 the glitch is in force on the page of faults', /sql-glitch/.test(rules), rules)
  for (const [environment, state] of [['test', /degraded|some calls/i], ['production', /Everything works/]]) {
    await page.goto(`${portal}/status/${environment}`)
    const told = await page.locator(`#state-${environment}`).innerText()
    ok(`PLAT-60 the status page of ${environment} tells how it is`, state.test(told), told)
  }
  const order = unique()
  const struck = await attempt(unit.shop, { transaction: { orderId: order } })
  ok('PLAT-60 the call gets 500', struck.status === 500 && String(code(struck)) === '1000', struck)
  const why = await explained(page, struck)
  ok('PLAT-60 the explanation names the glitch and says to repeat', why.includes('platform.test_sql_glitch') && /again|repeat|retry/i.test(why), why)
  const repeated = await attempt(unit.shop, { transaction: { orderId: order } })
  ok('PLAT-60 the same call repeated succeeds', repeated.status === 200, repeated)
  await page.goto(`${portal}/status/test`)
  ok('PLAT-60 and the status page tells that everything works', /Everything works/.test(await page.locator('#state-test').innerText()))
}

// Calls and refusals of the operation in the test environment, and refusals of the cause.
async function counts (page, operation, cause, status) {
  await open(page, { path: '/dashboard' })
  const section = page.locator('section[aria-labelledby="test"]')
  const cells = async (row) => await row.count() ? row.first().locator('td').allInnerTexts() : []
  const byOperation = await cells(section.locator('table.counts').first().locator('tbody tr', { has: page.getByRole('link', { name: operation, exact: true }) }))
  const rows = section.locator('table.counts').last().locator('tbody tr', { has: page.getByRole('link', { name: cause, exact: true }) })
  const byCause = await cells(rows.filter({ hasText: operation }).filter({ hasText: String(status) }))
  return { calls: Number(byOperation[0] ?? 0), refused: Number(byOperation[1] ?? 0), cause: Number(byCause[2] ?? 0) }
}

async function dashboard (page, unit) {
  await unit.shop.details(unique())
  const before = await counts(page, DETAILS, 'order.unknown', 404)
  const answers = [await unit.shop.details(unique()), await unit.shop.details(unique()), await unit.shop.details(unique())]
  ok('PLAT-62 three calls fail', answers.every((it) => is(it, 404, 35)), answers)
  const after = await counts(page, DETAILS, 'order.unknown', 404)
  ok('PLAT-62 the dashboard counts them by endpoint', before.calls > 0 && after.calls === before.calls + 3 && after.refused === before.refused + 3, [before, after])
  ok('PLAT-62 and by cause and status', before.cause > 0 && after.cause === before.cause + 3, [before, after])
}

async function callback (page, unit) {
  const order = unique()
  await unit.shop.initiate(order)
  await page.goto(`${portal}${unit.path}/payments/${order}`)
  await page.getByLabel('Test person\'s number').fill(platform.phone.slice(2))
  await page.getByRole('button', { name: 'Force approve' }).click()
  await page.getByRole('status').first().waitFor()
  const row = page.locator('section[aria-labelledby="failed"] tr', { hasText: `/callbacks/v2/payments/${order}` })
  for (let round = 0; round < 20; round++) {
    await page.goto(`${portal}/dashboard`)
    if (await row.count()) break
    await page.waitForTimeout(250)
  }
  ok('PLAT-63 a callback that nobody answers is on the dashboard', await row.count() > 0 && (await row.first().innerText()).includes(unit.keys.msn), await words(page))
  await row.first().getByRole('link').first().click()
  ok('PLAT-63 and its page tells what was sent and that it failed', (await words(page)).includes(order), await words(page))
  const details = await unit.shop.details(order)
  ok('PLAT-63 the payment is reserved all the same', details.status === 200 && details.body.transactionLogHistory?.[0]?.operation === 'RESERVE', details)
  const told = await control('GET', '/dashboard')
  ok('PLAT-63 the control API lists it as well', told.failed_calls.some((it) => it.about === order), told.failed_calls)
}
