// Environment and check reporter of the JavaScript drivers.
let passed = 0
let failed = 0

function short (value) {
  let text
  try {
    text = value instanceof Error ? `${value.name}: ${value.message}` : typeof value === 'string' ? value : JSON.stringify(value)
  } catch { text = String(value) }
  return (text ?? String(value)).replace(/\s+/g, ' ').slice(0, 400)
}

export function ok (name, condition, instead) {
  if (condition) { passed++; console.log(`ok ${name}`) } else { failed++; console.log(`not ok ${name} - ${short(instead)}`) }
  return Boolean(condition)
}

// Runs one section when it is wanted; what it throws is a failed check, unless it says nothing of what is tested: then the
// section is run again, four times at most, which is told.
export async function section (name, run, saysNothing = () => false) {
  const wanted = (process.env.SECTIONS || '').split(',').filter(Boolean)
  if (wanted.length && !wanted.includes(name)) return
  for (let left = 4; ; left--) {
    try { return await run() } catch (error) {
      if (!left || !saysNothing(error)) return ok(name, false, error)
      console.log(`# ${name} again: ${error}`)
    }
  }
}

export function done () {
  console.log(`${passed} passed, ${failed} failed`)
  process.exitCode = failed ? 1 : 0
}

// The named variable; without it no check makes sense.
export function need (name) {
  const value = process.env[name]
  if (!value) { console.error(`missing environment: ${name}`); process.exit(2) }
  return value
}

export const platform = {
  base: need('BASE_URL').replace(/\/+$/, ''),
  clientId: need('CLIENT_ID'),
  clientSecret: need('CLIENT_SECRET'),
  key: need('SUBSCRIPTION_KEY'),
  msn: need('MSN'),
  phone: need('PHONE')
}

// A name that no earlier run used.
export const unique = () => `shop-${Date.now().toString(36)}-${Math.random().toString(36).slice(2, 8)}`
