// A person at a browser without JavaScript: follows redirects, keeps cookies, fills in forms by their stable ids.
import { request } from 'node:https'

/** Signs in, chooses the first account and allows; returns the URL at which the client is called back. */
export async function allow(authorizationURL, fixture) {
  const browser = new Browser()
  return goThrough(browser, await browser.open(authorizationURL), fixture)
}

/** Follows the link that a device shows, compares the code and allows. */
export async function allowDevice(verificationURIComplete, userCode, fixture) {
  const browser = new Browser()
  const page = await browser.open(verificationURIComplete)
  if (!page.controls.some((control) => control.id === 'user_code' && control.value === userCode)) throw new Error(`${userCode} is not filled in on ${page.url}`)
  return goThrough(browser, await browser.press(page, 'continue'), fixture)
}

async function goThrough(browser, page, { email, password, redirect_uri }) {
  for (let step = 0; step < 12; step++) {
    if (page.location) {
      const next = new URL(page.location, page.url)
      if (next.href.startsWith(redirect_uri)) return next
      page = await browser.open(next)
    } else if (page.html.includes('id="device-allowed"')) {
      return undefined
    } else if (page.has('allow')) {
      page = await browser.press(page, 'allow')
    } else if (page.has('sign-in')) {
      page = await browser.press(page, 'sign-in', { email, password })
    } else if (page.has('create-account')) {
      page = await browser.press(page, 'create-account', { account_name: 'Noura’s Shop' })
    } else if (page.account()) {
      page = await browser.press(page, page.account())
    } else {
      break
    }
  }
  throw new Error(`no way on from ${page.url} (${page.status}): ${page.error() ?? page.html.slice(0, 2000)}`)
}

class Browser {
  cookies = new Map()

  async open(url, { method = 'GET', body } = {}) {
    const headers = { host: new URL(url).host, accept: 'text/html' }
    if (this.cookies.size) headers.cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    if (body !== undefined) {
      headers['content-type'] = 'application/x-www-form-urlencoded'
      headers['content-length'] = Buffer.byteLength(body)
      headers.origin = new URL(url).origin
    }
    const page = await send(url, { method, headers }, body)
    for (const cookie of page.cookies) {
      const [name, value] = cookie.split(';')[0].split(/=(.*)/s)
      this.cookies.set(name, value)
    }
    return page
  }

  /** Presses the button with this id, its form's fields filled in by their ids. */
  press(page, id, values = {}) {
    const form = page.forms.find((form) => form.controls.some((control) => control.id === id))
    if (!form) throw new Error(`no form with #${id} on ${page.url}`)
    const fields = new URLSearchParams()
    for (const control of form.controls) {
      if (!control.name || !isSent(control, id)) continue
      fields.append(control.name, values[control.id] ?? control.value ?? '')
    }
    const target = new URL(form.action ?? '', page.url)
    if (form.method?.toLowerCase() === 'post') return this.open(target, { method: 'POST', body: fields.toString() })
    target.search = fields
    return this.open(target)
  }
}

/** A form sends the button that was pressed, and boxes that are ticked (HTML, "constructing the entry list"). */
function isSent(control, pressed) {
  if (control.tag === 'button' || control.type === 'submit') return control.id === pressed
  if (control.type === 'radio' && control.id === pressed) return true
  if (control.type === 'radio' || control.type === 'checkbox') return 'checked' in control
  return true
}

class Page {
  constructor(url, status, headers, html) {
    Object.assign(this, { url, status, html, location: headers.location, cookies: headers['set-cookie'] ?? [] })
    this.forms = forms(html)
    this.controls = this.forms.flatMap((form) => form.controls)
  }
  has(id) { return this.controls.some((control) => control.id === id) }
  account() { return this.controls.find((control) => control.id?.startsWith('account-'))?.id }
  error() { return /<main[^>]*data-error="([^"]*)"/.exec(this.html)?.[1] }
}

function send(url, options, body) {
  return new Promise((resolve, reject) => {
    const sent = request(url, { ...options, timeout: 10_000 }, (response) => {
      let html = ''
      response.setEncoding('utf8').on('data', (chunk) => (html += chunk)).on('error', reject)
      response.on('end', () => resolve(new Page(String(url), response.statusCode, response.headers, html)))
    })
    sent.on('error', reject).on('timeout', () => sent.destroy(new Error(`no answer from ${url}`)))
    sent.end(body)
  })
}

/** The forms of a page with their controls: enough HTML for pages that are known to be well-formed. */
function forms(html) {
  const found = []
  for (const [, closing, tag, text] of html.matchAll(/<(\/?)(form|input|button|select|textarea)\b((?:"[^"]*"|'[^']*'|[^>"'])*)>/g)) {
    if (closing) continue
    const element = { tag, ...attributes(text) }
    if (tag === 'form') found.push({ ...element, controls: [] })
    else found.at(-1)?.controls.push(element)
  }
  return found
}

function attributes(text) {
  const found = {}
  for (const [, name, double, single, bare] of text.matchAll(/([a-zA-Z-]+)(?:=(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?/g)) {
    found[name.toLowerCase()] = unescapeHTML(double ?? single ?? bare ?? '')
  }
  return found
}

const entities = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

function unescapeHTML(text) {
  return text.replace(/&(#x?[0-9a-fA-F]+|\w+);/g, (whole, name) => {
    if (name[0] !== '#') return entities[name] ?? whole
    return String.fromCodePoint(name[1] === 'x' ? parseInt(name.slice(2), 16) : parseInt(name.slice(1)))
  })
}
