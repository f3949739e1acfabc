// oauth4webapi against a running Latchkey: every answer goes through the library's strict checks, none of them loosened.
import assert from 'node:assert/strict'
import * as oauth from 'oauth4webapi'
import { allow } from './person.mjs'

const fixture = JSON.parse(process.env.LATCHKEY_FIXTURE)
const { client_id, client_secret, redirect_uri, scope } = fixture
const issuer = new URL(fixture.issuer)
const client = { client_id }
const authentication = client_secret ? oauth.ClientSecretBasic(client_secret) : oauth.None()

const server = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer))
const same = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, { algorithm: 'oauth2' }))
assert.equal(same.token_endpoint, server.token_endpoint, 'RFC 8414 and Discovery describe one server')

const tokens = await authorize()
const { sub } = oauth.getValidatedIdTokenClaims(tokens)

const userInfo = await oauth.processUserInfoResponse(server, client, sub, await oauth.userInfoRequest(server, client, tokens.access_token))
assert.equal(userInfo.email, fixture.email)

const refreshed = await refresh(tokens.refresh_token)
assert.notEqual(refreshed.refresh_token, tokens.refresh_token)

if (client_secret) {
  const introspected = await introspect(refreshed.access_token)
  assert.equal(introspected.active, true)
  assert.equal(introspected.sub, sub)
  assert.equal((await introspect(refreshed.refresh_token)).active, true)
}

await oauth.processRevocationResponse(await oauth.revocationRequest(server, client, authentication, refreshed.refresh_token))
await assert.rejects(refresh(refreshed.refresh_token), { error: 'invalid_grant' }, 'RFC 7009 §2')
if (client_secret) assert.deepEqual(await introspect(refreshed.access_token), { active: false }, 'RFC 7662 §2.2: nothing more is said')
// RFC 7009 §2.2: revoking what is not known succeeds.
await oauth.processRevocationResponse(await oauth.revocationRequest(server, client, authentication, 'unknown'))
console.log('oauth4webapi: discovery, code with PKCE, UserInfo, refresh, introspection, revocation')

async function authorize() {
  const verifier = oauth.generateRandomCodeVerifier()
  const state = oauth.generateRandomState()
  const nonce = oauth.generateRandomNonce()
  const url = new URL(server.authorization_endpoint)
  url.search = new URLSearchParams({
    client_id,
    redirect_uri,
    response_type: 'code',
    scope,
    state,
    nonce,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  })
  // RFC 9207: `iss` is required here, because the metadata announces it.
  const parameters = oauth.validateAuthResponse(server, client, await allow(url, fixture), state)
  const response = await oauth.authorizationCodeGrantRequest(server, client, authentication, parameters, redirect_uri, verifier)
  const tokens = await oauth.processAuthorizationCodeResponse(server, client, response, { expectedNonce: nonce, requireIdToken: true })
  await oauth.validateApplicationLevelSignature(server, response)
  return tokens
}

async function refresh(token) {
  const response = await oauth.refreshTokenGrantRequest(server, client, authentication, token)
  return oauth.processRefreshTokenResponse(server, client, response)
}

async function introspect(token) {
  const response = await oauth.introspectionRequest(server, client, authentication, token)
  return oauth.processIntrospectionResponse(server, client, response)
}
