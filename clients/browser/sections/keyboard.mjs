// Whole flows by keyboard alone: signing in, trying a payment, paying on the phone.
import { ok } from '../../_lib/tap.mjs'
import { portal, visit } from '../browser.mjs'

// Goes on with Tab until this has the focus.
async function reach (page, role, name) {
  for (let step = 0; step < 80; step++) {
    await page.keyboard.press('Tab')
    const wanted = page.getByRole(role, { name }).first()
    if (await wanted.count() && await wanted.evaluate((it) => it === document.activeElement)) {
      const seen = await wanted.evaluate((it) => getComputedStyle(it).outlineStyle !== 'none')
      ok(`the focus shows at ${role} ${name}`, seen)
      return
    }
  }
  throw new Error(`${role} ${name} is not reached with Tab at ${page.url()}`)
}

async function press (page, role, name) {
  await reach(page, role, name)
  await page.keyboard.press('Enter')
}

export default async function () {
  const { context, page } = await visit()
  await page.goto(portal)
  await page.keyboard.press('Tab')
  ok('the first stop leads past the navigation', await page.evaluate(() => document.activeElement.getAttribute('href')) === '#content')
  await press(page, 'link', 'Try a payment')
  await page.waitForURL(/sign-in/)
  await press(page, 'button', /admin|developer/i)
  await page.waitForURL(/bankid/)
  await press(page, 'button', /sign/i)
  await page.waitForURL(/try/)
  await press(page, 'button', 'Start a payment')
  await page.getByRole('heading', { name: 'A payment was started' }).waitFor()
  const phone = await context.newPage()
  await phone.goto(portal + await page.getByRole('link', { name: /Open the phone/ }).getAttribute('href'))
  await reach(phone, 'textbox', /PIN/)
  await phone.keyboard.type('1236')
  await phone.keyboard.press('Enter')
  await phone.waitForLoadState()
  await page.bringToFront()
  await press(page, 'link', /Open the payer/)
  await page.waitForURL(/vippsgateway/)
  await press(page, 'button', 'Continue')
  await phone.bringToFront()
  await phone.getByRole('button', { name: /approve|pay/i }).first().waitFor()
  await press(phone, 'button', /approve|pay/i)
  await page.bringToFront()
  await page.waitForURL(/\/payments\//)
  await press(page, 'button', /^capture/i)
  await page.getByText(/captured/i).first().waitFor()
  ok('a payment is made and captured by keyboard alone', true)
  await context.close()
}
