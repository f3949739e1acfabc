// openid-client against a running Latchkey, as its README shows it: no option here loosens a check.
import assert from 'node:assert/strict'
import * as client from 'openid-client'
import { allow } from './person.mjs'

const fixture = JSON.parse(process.env.LATCHKEY_FIXTURE)
const { issuer, client_id, client_secret, redirect_uri, scope } = fixture

const authentication = client_secret ? client.ClientSecretBasic(client_secret) : client.None()
const config = await client.discovery(new URL(issuer), client_id, {}, authentication)
assert.equal(config.serverMetadata().issuer, issuer)
assert.ok(config.serverMetadata().supportsPKCE(), 'RFC 8414 §2: code_challenge_methods_supported')

client.enableNonRepudiationChecks(config) // stricter than its default: the ID Token's signature is checked too

const pkceCodeVerifier = client.randomPKCECodeVerifier()
const expectedState = client.randomState()
const expectedNonce = client.randomNonce()
const authorizationURL = client.buildAuthorizationUrl(config, {
  redirect_uri,
  scope,
  code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
  code_challenge_method: 'S256',
  state: expectedState,
  nonce: expectedNonce,
})
const callback = await allow(authorizationURL, fixture)

const checks = { pkceCodeVerifier, expectedState, expectedNonce, idTokenExpected: true }
const tokens = await client.authorizationCodeGrant(config, callback, checks)
const { sub } = tokens.claims()
assert.ok(sub && tokens.access_token && tokens.refresh_token && tokens.expiresIn() > 0)
await assert.rejects(client.authorizationCodeGrant(config, callback, checks), { error: 'invalid_grant' }, 'RFC 6749 §4.1.2: a code works once')

// The second use of the code took back what the first one bought, so this connection begins again.
const again = await client.authorizationCodeGrant(config, await allow(authorizationURL, fixture), checks)
const userInfo = await client.fetchUserInfo(config, again.access_token, sub)
assert.equal(userInfo.email, fixture.email)

const refreshed = await client.refreshTokenGrant(config, again.refresh_token)
assert.notEqual(refreshed.access_token, again.access_token)
assert.notEqual(refreshed.refresh_token, again.refresh_token)
await client.fetchUserInfo(config, refreshed.access_token, sub)

if (client_secret) {
  const introspected = await client.tokenIntrospection(config, refreshed.access_token)
  assert.equal(introspected.active, true)
  assert.equal(introspected.client_id, client_id)
  assert.equal(introspected.sub, sub)
}

await client.tokenRevocation(config, refreshed.refresh_token, { token_type_hint: 'refresh_token' })
await assert.rejects(client.refreshTokenGrant(config, refreshed.refresh_token), { error: 'invalid_grant' }, 'RFC 7009 §2')
await assert.rejects(client.fetchUserInfo(config, refreshed.access_token, sub), 'RFC 7009 §2.1: its access tokens end too')
if (client_secret) assert.equal((await client.tokenIntrospection(config, refreshed.access_token)).active, false)

const goodbye = client.buildEndSessionUrl(config, { id_token_hint: again.id_token })
assert.ok(goodbye.href.startsWith(issuer))
console.log('openid-client: discovery, code with PKCE, UserInfo, refresh, introspection, revocation')
