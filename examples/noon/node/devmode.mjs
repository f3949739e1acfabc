// Lets the quickstart run against `latchkey dev` with nothing set up. A real integration needs none of this.
import dns from 'node:dns'

/** Takes what the environment lacks from latchkey dev. */
export async function environment(example) {
  findLocalhost()
  const dev = process.env.LATCHKEY_DEV ?? 'http://localhost:8080'
  try {
    const answer = await fetch(`${dev}/dev/env/${example}`)
    for (const line of (await answer.text()).split('\n')) {
      const [name, value] = line.split(/=(.*)/s)
      if (value !== undefined) process.env[name] ??= value
    }
  } catch {
    // whatever is missing, env() says so
  }
}

/** A variable that the program cannot do without. */
export function env(name) {
  if (process.env[name]) return process.env[name]
  console.error(`${name} is not set. Start \`latchkey dev\`, or set it yourself.`)
  process.exit(1)
}

/** Finds *.localhost, which not every resolver knows (RFC 6761 section 6.3), on this machine. */
function findLocalhost() {
  const lookup = dns.lookup
  dns.lookup = (host, ...rest) => lookup.call(dns, host.endsWith('.localhost') ? '127.0.0.1' : host, ...rest)
}
