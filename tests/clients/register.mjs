// openid-client registers itself, connects a person, and runs the device flow, with nothing but the issuer's address.
import assert from 'node:assert/strict'
import * as client from 'openid-client'
import { allow, allowDevice } from './person.mjs'

const fixture = JSON.parse(process.env.LATCHKEY_FIXTURE)
const { issuer, redirect_uri, scope } = fixture

const config = await client.dynamicClientRegistration(new URL(issuer), {
  client_name: 'Robot that registered itself',
  redirect_uris: [redirect_uri],
  grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
  token_endpoint_auth_method: 'client_secret_post', // what the library uses
  scope,
})
const registered = config.clientMetadata()
assert.ok(registered.client_secret && registered.client_secret_expires_at === 0 && registered.response_types[0] === 'code', 'RFC 7591 §3.2.1')

const pkceCodeVerifier = client.randomPKCECodeVerifier()
const expectedState = client.randomState()
const authorizationURL = client.buildAuthorizationUrl(config, {
  redirect_uri, scope, state: expectedState, code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier), code_challenge_method: 'S256',
})
const tokens = await client.authorizationCodeGrant(config, await allow(authorizationURL, fixture), { pkceCodeVerifier, expectedState, idTokenExpected: true })
assert.equal((await client.fetchUserInfo(config, tokens.access_token, tokens.claims().sub)).email, fixture.email)

const device = await client.initiateDeviceAuthorization(config, { scope })
await allowDevice(device.verification_uri_complete, device.user_code, fixture)
const fetched = await client.pollDeviceAuthorizationGrant(config, device)
assert.ok(fetched.access_token && fetched.refresh_token && fetched.claims().sub === tokens.claims().sub)

const authorization = { authorization: `Bearer ${registered.registration_access_token}` }
const read = await fetch(registered.registration_client_uri, { headers: authorization })
assert.equal((await read.json()).client_id, registered.client_id, 'RFC 7592 §2.1')
const removed = await fetch(registered.registration_client_uri, { method: 'DELETE', headers: authorization })
assert.equal(removed.status, 204, 'RFC 7592 §2.3')
await assert.rejects(client.refreshTokenGrant(config, fetched.refresh_token), { error: 'invalid_client' })
console.log('openid-client: registration, code with PKCE, device flow, reading and deleting the registration')
