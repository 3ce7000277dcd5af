// Clients that know the real hosts only, led to a platform that speaks HTTPS, by the recipes of docs/clients.md.
// SECTIONS: curl, node, python, browser. CA is the certificate of the platform's authority.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { done, need, ok, platform, section } from '../_lib/tap.mjs'

const CA = need('CA')
const LIMIT_MS = 120000
const path = (relative) => fileURLToPath(new URL(relative, import.meta.url))
const recipes = path('../../docs/clients')
const authority = (url) => new URL(url).host
const test = authority(platform.base)
const production = authority(need('PRODUCTION_URL'))

// What the recipes are told, and nothing of what whoever runs this has set.
const { NODE_EXTRA_CA_CERTS, NODE_OPTIONS, REQUESTS_CA_BUNDLE, SSL_CERT_FILE, PYTHONPATH, SECTIONS, ...plain } = process.env
const led = { ...plain, SANDKASSE_TEST_URL: platform.base, SANDKASSE_PRODUCTION_URL: need('PRODUCTION_URL') }

function run (command, args, env = plain) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { env, encoding: 'utf8', timeout: LIMIT_MS })
  return { status, stdout: stdout ?? '', stderr: error ? error.message : stderr }
}

// The checks of another driver, under a name of ours.
function driver (name, command, args, env) {
  const { status, stdout, stderr } = run(command, args, env)
  const lines = stdout.split('\n')
  const failed = lines.filter((line) => line.startsWith('not ok '))
  const passed = lines.filter((line) => line.startsWith('ok ')).length
  ok(`${name}: ${passed} checks`, status === 0 && passed > 0 && !failed.length, failed[0] ?? `${stderr} ${lines.slice(-3).join(' ')}`)
}

const curl = (...more) => run('curl', ['--silent', '--show-error', '--max-time', '20', '--noproxy', '*', ...more])
const token = (host) => [
  '-X', 'POST', `https://${host}/accesstoken/get`,
  '-H', `client_id: ${platform.clientId}`,
  '-H', `client_secret: ${platform.clientSecret}`,
  '-H', `Ocp-Apim-Subscription-Key: ${platform.key}`
]

await section('curl', () => {
  for (const [host, place] of [['apitest.vipps.no', test], ['apitest.vippsmobilepay.com', test]]) {
    const { status, stdout, stderr } = curl('--cacert', CA, '--connect-to', `${host}:443:${place}`, ...token(host))
    ok(`curl: a token of ${host}`, status === 0 && /"access_token"/.test(stdout), stdout + stderr)
  }
  const host = 'api.vipps.no'
  const other = curl('--cacert', CA, '--connect-to', `${host}:443:${production}`, ...token(host))
  ok('curl: production refuses keys of the test environment', other.status === 0 && /unauthorized_client|invalid subscription key/.test(other.stdout), other.stdout + other.stderr)
  const http = curl('--cacert', CA, '--connect-to', `${host}:443:${production}`, '-o', '/dev/null', '-w', '%{http_version} %{ssl_verify_result}', `https://${host}/`)
  ok('curl: HTTP/2, verified', http.stdout === '2 0', http.stdout + http.stderr)
  const bare = curl('--connect-to', `${host}:443:${production}`, `https://${host}/`)
  ok('curl: without the authority it is refused', bare.status === 60, bare.status)
  const resolved = curl('--cacert', CA, '--resolve', `apitest.vipps.no:${test.split(':')[1]}:127.0.0.1`, ...token(`apitest.vipps.no:${test.split(':')[1]}`))
  ok('curl: a hosts entry and a port', resolved.status === 0 && /"access_token"/.test(resolved.stdout), resolved.stdout + resolved.stderr)
  const strange = curl('--cacert', CA, '--connect-to', `example.com:443:${test}`, 'https://example.com/')
  ok('curl: the certificate is for no other host', strange.status === 60, strange.status)
  const plainly = curl(platform.base.replace('https:', 'http:'))
  ok('curl: plain HTTP is told to speak HTTPS', /https:\/\//.test(plainly.stdout), plainly.stdout + plainly.stderr)
})

await section('node', () => {
  const trusting = { ...led, NODE_EXTRA_CA_CERTS: CA, SECTIONS: 'epayment' }
  const lead = ['--require', `${recipes}/lead-here.cjs`]
  driver('node: the official SDK', 'node', [...lead, path('../official-sdk/driver.mjs')], trusting)
  const ask = `
    const https = require('node:https')
    https.get('https://api.vipps.no/discovery/keys', (answer) => { console.log(answer.statusCode, answer.socket.remotePort) })
      .on('error', (error) => { console.log(error.code) })`
  const asked = run('node', [...lead, '-e', ask], trusting)
  ok('node: the module https', asked.stdout.trim() === `200 ${production.split(':')[1]}`, asked.stdout + asked.stderr)
  const bare = run('node', [...lead, '-e', ask], led)
  ok('node: without the authority it is refused', /UNABLE_TO|SELF_SIGNED/.test(bare.stdout), bare.stdout + bare.stderr)
})

await section('python', () => {
  const python = `${need('PYTHON_DIR')}/bin/python`
  const trusting = { ...led, BASE_URL: 'https://apitest.vipps.no', REQUESTS_CA_BUNDLE: CA, SSL_CERT_FILE: CA, PYTHONPATH: `${recipes}/python` }
  driver('python: the client vipps', python, ['-B', path('../pypi-vipps/driver.py')], trusting)
  const ask = "import urllib.request; print(urllib.request.urlopen('https://api.vipps.no/discovery/keys').status)"
  const asked = run(python, ['-B', '-c', ask], trusting)
  ok('python: urllib', asked.stdout.trim() === '200', asked.stdout + asked.stderr)
  const bare = run(python, ['-B', '-c', ask], { ...trusting, SSL_CERT_FILE: '' })
  ok('python: without the authority it is refused', /CERTIFICATE_VERIFY_FAILED/.test(bare.stderr), bare.stdout + bare.stderr)
})

await section('browser', () => {
  const portal = need('PORTAL_URL')
  const from = (origin) => curl('--cacert', CA, '--include', '-H', `Origin: ${origin}`, '-d', 'next=/units&user=demo-reader', `${portal}/sign-in`)
  const { stdout, stderr } = from(portal)
  const cookies = stdout.split(/\r?\n/).filter((line) => /^set-cookie:/i.test(line))
  ok('browser: cookies are for HTTPS only', cookies.length > 0 && cookies.every((line) => /__Host-.*; Secure/.test(line)), stdout.slice(0, 300) + stderr)
  const plainly = from(portal.replace('https:', 'http:'))
  ok('browser: pages read over plain HTTP may not use the portal', /^HTTP\/2 403/.test(plainly.stdout), plainly.stdout.slice(0, 300) + plainly.stderr)
})

done()
