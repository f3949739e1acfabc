// The MCP SDK as an agent uses it: it is given the address of an MCP server and nothing else. The fixture's issuer is that address.
import assert from 'node:assert/strict'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { allow } from './person.mjs'

const fixture = JSON.parse(process.env.LATCHKEY_FIXTURE)
const kept = {} // what an agent keeps between its runs
let asked // where the SDK last sent the person

const provider = {
  redirectUrl: fixture.redirect_uri,
  clientMetadata: { client_name: 'An agent', redirect_uris: [fixture.redirect_uri], grant_types: ['authorization_code', 'refresh_token'] },
  state: () => 'a state',
  clientInformation: () => kept.client, saveClientInformation: (client) => { kept.client = client },
  tokens: () => kept.tokens, saveTokens: (tokens) => { kept.tokens = tokens },
  codeVerifier: () => kept.verifier, saveCodeVerifier: (verifier) => { kept.verifier = verifier },
  discoveryState: () => kept.discovery, saveDiscoveryState: (state) => { kept.discovery = state },
  redirectToAuthorization: (url) => { asked = url },
}

/** Connects and lists the tools; a person who is asked allows it. Returns how often they were. */
async function listTools() {
  for (let times = 0; times < 4; times++) {
    const transport = new StreamableHTTPClientTransport(new URL(fixture.issuer), { authProvider: provider })
    const agent = new Client({ name: 'agent', version: '1' })
    try {
      await agent.connect(transport)
      assert.equal((await agent.listTools()).tools[0].name, 'cancel-order')
      return times
    } catch (refused) {
      if (refused.name !== 'UnauthorizedError' && refused.constructor.name !== 'UnauthorizedError') throw refused
      await transport.finishAuth((await allow(asked, fixture)).searchParams)
    }
  }
  throw new Error(`the person was asked again and again, last at ${asked}`)
}

assert.equal(await listTools(), 2, 'once to connect, and once more for the scope that the tools take')
assert.equal(asked.searchParams.get('resource'), fixture.issuer, 'RFC 8707 §2')
assert.deepEqual(asked.searchParams.get('scope').split(' ').sort(), ['offline_access', 'orders:read', 'orders:write'])
assert.ok(!kept.client.scope.includes('orders:write'), 'it registered before it knew')

const { refresh_token } = kept.tokens
kept.tokens = { ...kept.tokens, access_token: 'lk_at_over' }
assert.equal(await listTools(), 0, 'nobody is asked')
assert.notEqual(kept.tokens.refresh_token, refresh_token, 'RFC 6749 §6')
console.log('MCP SDK: discovery from a 401, registration, code with PKCE, step-up after a 403, refresh')
