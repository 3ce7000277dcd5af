// People at the portal, the landing page and the phone, in a real browser.
import { readdirSync } from 'node:fs'
import { done, ok, section } from '../_lib/tap.mjs'
import { complaints, died, end } from './browser.mjs'

const folder = new URL('./sections/', import.meta.url)
for (const file of readdirSync(folder).sort()) {
  const { default: run } = await import(new URL(file, folder))
  await section(file.replace(/\.mjs$/, ''), run, died)
}
await end()
ok('no page complained', complaints.length === 0, [...new Set(complaints)].join(' ‖ '))
done()
