// Somebody who has never been here gets from the front page to a paid, captured and refunded order by pressing what the pages offer.
import { ok } from '../../_lib/tap.mjs'
import { portal, visit } from '../browser.mjs'

export default async function () {
  const { context, page } = await visit()
  await page.goto(portal)
  await page.getByRole('link', { name: 'Try a payment' }).click()
  await page.getByRole('button', { name: /admin|developer/i }).first().click()
  await page.getByRole('button', { name: /sign/i }).first().click()
  await page.getByRole('button', { name: 'Start a payment' }).click()
  const phone = await context.newPage()
  await phone.goto(portal + await page.getByRole('link', { name: /Open the phone/ }).getAttribute('href'))
  await phone.getByLabel(/PIN/).fill('1236')
  await phone.getByRole('button', { name: /log in/i }).click()
  await page.getByRole('link', { name: 'Look at the payment' }).waitFor()
  const payment = await page.getByRole('link', { name: 'Look at the payment' }).getAttribute('href')
  await page.getByRole('link', { name: 'Open the payer' }).click()
  ok('the payer is asked for a number that is there already', await page.getByLabel(/phone number/i).inputValue() !== '')
  await page.getByRole('button', { name: 'Continue' }).click()
  await phone.getByRole('button', { name: /approve|pay/i }).first().click()
  // The landing page follows, and leads back to the shop: here, the payment's page.
  await page.waitForURL((url) => url.pathname === payment)
  ok('the payer is led back to the shop', true)
  await page.getByRole('button', { name: /^capture/i }).click()
  await page.getByText(/captured/i).first().waitFor()
  await page.getByRole('button', { name: /^refund/i }).click()
  await page.getByText(/refunded/i).first().waitFor()
  const order = payment.split('/').pop()
  const details = await (await fetch(`${portal}/control/v1/payments/test/${payment.split('/')[3]}/${order}`)).json()
  ok('the order is captured and refunded', details.amounts ? details.amounts.refunded === 49900 : JSON.stringify(details).includes('49900'), details)
  await context.close()
}
