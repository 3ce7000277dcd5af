// Leads a Node program's calls of the real hosts to a Sandkasse that speaks HTTPS, without a change to the program:
//
//   NODE_EXTRA_CA_CERTS=.sandkasse/certs/ca.pem node --require ./lead-here.cjs shop.js
//
// Only where a connection goes is changed: the name that is asked for and verified stays the real one, so the certificate has
// to be for it (`sandkasse certs apitest.vipps.no api.vipps.no`). It knows whatever is built on Node's own TLS: fetch, https,
// http2, axios, undici, got. More in docs/clients.md.
'use strict'
const tls = require('node:tls')
const { syncBuiltinESMExports } = require('node:module')

const places = new Map()
function lead (hosts, variable, usual) {
  const url = new URL(process.env[variable] || usual)
  if (url.protocol !== 'https:') throw new Error(`${variable} is ${url}: only https:// is led to`)
  const place = { host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port || 443) }
  for (const host of hosts) places.set(host, place)
}
lead(['apitest.vipps.no', 'apitest.vippsmobilepay.com'], 'SANDKASSE_TEST_URL', 'https://127.0.0.1:7480')
lead(['api.vipps.no', 'api.vippsmobilepay.com'], 'SANDKASSE_PRODUCTION_URL', 'https://127.0.0.1:7481')

const anywhere = tls.connect
tls.connect = function (...given) {
  // (options), (port, options), (port, host, options), each with a callback or without.
  const options = Object.assign({}, ...given.filter((it) => it !== null && typeof it === 'object'))
  const host = options.host || (typeof given[1] === 'string' ? given[1] : undefined)
  const place = places.get(host)
  // Whoever brings a connection of their own has chosen already, such as a tunnel through a proxy.
  if (!place || options.socket) return anywhere.apply(this, given)
  const callback = given.find((it) => typeof it === 'function')
  return anywhere.call(this, { ...options, servername: options.servername || host, ...place }, callback)
}
syncBuiltinESMExports()
