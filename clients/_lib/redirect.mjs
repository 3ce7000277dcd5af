// Preloaded into node (`node --import`) for clients whose host is a constant: every request to one of the real hosts goes
// to BASE_URL; method, path, headers and body stay as they are. It knows `fetch` and node's modules `http` and `https`.
import http from 'node:http'
import https from 'node:https'

const base = new URL(process.env.BASE_URL)
const HOSTS = new Set(['apitest.vipps.no', 'api.vipps.no', 'apitest.vippsmobilepay.com', 'api.vippsmobilepay.com'])

const fetchAnywhere = globalThis.fetch
globalThis.fetch = async (input, init) => {
  const request = new Request(input, init)
  const url = new URL(request.url)
  if (!HOSTS.has(url.hostname)) return fetchAnywhere(request)
  const body = ['GET', 'HEAD'].includes(request.method) ? undefined : await request.arrayBuffer()
  return fetchAnywhere(base.origin + url.pathname + url.search, {
    method: request.method,
    headers: new Headers(request.headers),
    body: body?.byteLength ? body : undefined,
    redirect: request.redirect
  })
}

function lead (module) {
  const anywhere = module.request
  module.request = function (...args) {
    const [first, second, third] = args
    const isUrl = typeof first === 'string' || first instanceof URL
    const callback = [second, third].find((it) => typeof it === 'function')
    let options = first
    if (isUrl) {
      const url = new URL(first)
      const more = typeof second === 'object' ? second : {}
      options = { protocol: url.protocol, hostname: url.hostname, port: url.port, path: url.pathname + url.search, ...more }
    }
    const host = options.hostname || (options.host || '').split(':')[0]
    if (!HOSTS.has(host)) return anywhere.apply(this, args)
    const request = base.protocol === 'https:' ? requests.https : requests.http
    return request({ ...options, protocol: base.protocol, hostname: base.hostname, host: base.hostname, port: base.port, agent: undefined }, callback)
  }
  return anywhere.bind(module)
}

const requests = { http: lead(http), https: lead(https) }
