package browser

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestAnAppInABrowserDoesEveryStep: a page of another origin, such as an agent's, may find the issuer, register itself, and use what
// its registration gave it; the browser sends no cookie along (Fetch §3.2).
func TestAnAppInABrowserDoesEveryStep(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, "<title>An agent</title>")
	}))
	t.Cleanup(elsewhere.Close)
	b := newTab(t, settings{})
	b.open(elsewhere.URL)
	b.lead("window.issuer = '"+strings.TrimSuffix(at("acme.localhost", "/"), "/")+"';"+agentInABrowser, "!!window.said")
	said, err := chromedp.Run(b.ctx, chromedp.Evaluate[string]("window.said"))
	if want := "200 201 200 400 invalid_grant 200 200 401 204"; err != nil || said != want {
		b.fail("the page was answered %q, %v; want %q", said, err, want)
	}
}

// agentInABrowser does what the MCP SDKs do in a page, and ends with window.said.
const agentInABrowser = `(async () => {
	const json = {'Content-Type': 'application/json', 'MCP-Protocol-Version': '2025-11-25'}, said = []
	const ask = async (path, init) => { const answer = await fetch(path.startsWith('http') ? path : issuer + path, init); said.push(answer.status); return answer }
	await ask('/.well-known/oauth-authorization-server', {headers: json})
	const app = await (await ask('/oauth/register', {method: 'POST', headers: json, body: JSON.stringify({client_name: 'An agent in a page',
		redirect_uris: ['https://agent.example/callback'],
		grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code']})})).json()
	const basic = {Authorization: 'Basic ' + btoa(app.client_id + ':' + app.client_secret)}
	const own = {Authorization: 'Bearer ' + app.registration_access_token}
	await ask(app.registration_client_uri, {headers: own})
	const refused = await ask('/oauth/token', {method: 'POST', headers: basic, body: new URLSearchParams({grant_type: 'authorization_code', code: 'x'})})
	said.push((await refused.json()).error)
	await ask('/oauth/device_authorization', {method: 'POST', headers: basic, body: new URLSearchParams({scope: 'openid'})})
	await ask('/oauth/revoke', {method: 'POST', headers: basic, body: new URLSearchParams({token: 'x'})})
	await ask('/oauth/userinfo', {headers: {Authorization: 'Bearer x'}})
	await ask(app.registration_client_uri, {method: 'DELETE', headers: own})
	window.said = said.join(' ')
})().catch(trouble => { window.said = String(trouble) })`
