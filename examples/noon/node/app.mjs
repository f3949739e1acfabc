// The Noon quickstart in Node: a seller connects their store, and this backend receives a service account's key for the seller's project.
// Noon's "OAuth Flow Quickstart", with nothing but Node 20.
import { createServer } from 'node:http'
import { randomBytes, randomUUID, sign, timingSafeEqual } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { env, environment } from './devmode.mjs'

await environment('noon-node')
const oauth = env('NOON_OAUTH_URL')
const gateway = env('NOON_GATEWAY_URL')
const clientId = env('NOON_CLIENT_ID')
const clientSecret = env('NOON_CLIENT_SECRET') // never in the code, never in a browser
const redirectURI = new URL(env('NOON_REDIRECT_URI'))

/** The gateway's no. It holds no token and no secret. */
class Refused extends Error {
  constructor(status, message) {
    super(`Noon answered ${status}: ${message}`)
    this.status = status
  }
}

/** Calls the API as one service account. The session is in its cookies. */
class Gateway {
  cookies = new Map()

  constructor(credential) {
    this.credential = credential
  }

  /** After a 401 it signs in and tries once more: the session may have ended, or not have begun. */
  async call(method, path, body) {
    try {
      return await this.send(method, path, body)
    } catch (error) {
      if (error.status !== 401) throw error
      await this.login()
      return this.send(method, path, body)
    }
  }

  /** Proves with a fresh signature that we hold the key. Each token is good for a minute, once. */
  login() {
    const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const claims = { sub: this.credential.key_id, iat: Math.floor(Date.now() / 1000), jti: randomUUID() }
    const signed = `${encode({ alg: 'RS256', typ: 'JWT' })}.${encode(claims)}`
    const token = `${signed}.${sign('sha256', Buffer.from(signed), this.credential.private_key).toString('base64url')}`
    return this.send('POST', '/identity/public/v1/api/login', { token, default_project_code: this.credential.project_code })
  }

  async send(method, path, body) {
    const headers = { 'user-agent': 'YourApp/1.0', cookie: [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ') }
    if (body) headers['content-type'] = 'application/json'
    const response = await fetch(gateway + path, { method, headers, body: body && JSON.stringify(body), signal: AbortSignal.timeout(10_000) })
    for (const cookie of response.headers.getSetCookie()) {
      const [name, value] = cookie.split(';')[0].split(/=(.*)/s)
      this.cookies.set(name, value)
    }
    const answer = await response.json().catch(() => ({}))
    if (response.status !== 200) throw new Refused(response.status, answer.message)
    return answer
  }
}

const integrator = new Gateway(JSON.parse(readFileSync(env('NOON_CREDENTIALS'), 'utf8'))) // our own session, which every OAuth call needs

/** What the server keeps of each browser: the state of the authorization under way, and the connected seller. */
const sessions = new Map()

function sessionOf(request, response) {
  const id = /(?:^|; )quickstart=([^;]+)/.exec(request.headers.cookie ?? '')?.[1]
  if (sessions.has(id)) return sessions.get(id)
  if (sessions.size > 1000) sessions.clear()
  const fresh = randomBytes(32).toString('base64url')
  sessions.set(fresh, {})
  response.setHeader('set-cookie', `quickstart=${fresh}; Path=/; HttpOnly; SameSite=Lax${redirectURI.protocol === 'https:' ? '; Secure' : ''}`)
  return sessions.get(fresh)
}

const routes = {
  '/': () => page('home', 'Your App', 'Connect your Noon store, and its orders appear here.', ['connect', '/connect-seller', 'Connect your store']),

  // Step 1: redirect the seller to the authorization URL, with a state that only this browser can bring back.
  '/connect-seller': (session) => {
    session.state = randomBytes(32).toString('base64url')
    return { location: `${oauth}/?${new URLSearchParams({ client_id: clientId, state: session.state })}` }
  },

  // Step 2: verify the state, once.
  '/oauth/callback': async (session, query) => {
    const expected = session.state
    delete session.state
    if (!expected || !same(query.get('state') ?? '', expected)) return failed(400, 'Invalid state parameter', 'Possible CSRF attack. Start again.')
    if (!query.get('code')) return failed(403, 'Not connected', `Noon said ${query.get('error')}.`)
    session.seller = await connect(query.get('code'))
    return page('connected', 'Connected', `Successfully connected seller project: ${session.seller.credential.project_code}`, ['use', '/orders', 'Show the orders'])
  },

  // From now on: work as the seller's service account. When that was ended, the seller is asked to connect again.
  '/orders': async (session) => {
    if (!session.seller) return { location: '/' }
    try {
      const found = await session.seller.call('GET', `/order/v1/orders?project_code=${encodeURIComponent(session.seller.credential.project_code)}`)
      return page('used', 'Orders', JSON.stringify(found, null, 2), ['use', '/orders', 'Again'])
    } catch (error) {
      if (error.status !== 401) throw error
      delete session.seller
      return failed(401, 'Access ended', 'The seller ended the access at Noon. Connect again to go on.')
    }
  },
}

/** Steps 3 and 4: the code buys an access token, and the token at once a key. It works a single time. */
async function connect(code) {
  const token = await integrator.call('POST', '/identity/oauth/v1/token/create', {
    grant_type: 'authorization_code', code, client_id: clientId, client_secret: clientSecret,
  })
  const made = await integrator.call('POST', '/identity/oauth/v1/token/exchange', { access_token: token.access_token })
  console.log(`connected project ${made.project_code}; to track it: oauth_request_id ${made.oauth_request_id}`)
  return new Gateway(made.result) // a real backend puts the private key into its secrets manager here
}

function same(given, expected) {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)]
  return a.length === b.length && timingSafeEqual(a, b)
}

const escape = (text) => String(text).replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`)

function page(id, title, text, link, status = 200) {
  const [name, path, label] = link
  return {
    status,
    html: `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${escape(title)}</title></head>` +
      `<body><main id="${id}"><h1>${escape(title)}</h1><pre>${escape(text)}</pre><ul><li><a id="${name}" href="${path}">${label}</a></li></ul></main></body></html>`,
  }
}

function failed(status, title, text) {
  console.error(`${title}: ${text}`)
  return page('failed', title, text, ['again', '/connect-seller', 'Connect again'], status)
}

createServer(async (request, response) => {
  const url = new URL(request.url, redirectURI.origin)
  const handle = routes[url.pathname]
  let answer
  try {
    answer = handle ? await handle(sessionOf(request, response), url.searchParams) : page('missing', 'There is no such page', '', ['home', '/', 'Home'], 404)
  } catch (error) {
    answer = failed(502, 'Noon did not answer as expected', error.message)
  }
  if (answer.location) return response.writeHead(302, { location: answer.location }).end()
  response.writeHead(answer.status, { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' }).end(answer.html)
}).listen(Number(redirectURI.port), redirectURI.hostname, () => console.log(`Open http://${redirectURI.host}/`))
