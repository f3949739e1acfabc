package server

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"latchkey.dev/internal/authorize"
	"latchkey.dev/internal/client"
	"latchkey.dev/internal/destination"
	"latchkey.dev/internal/dialect"
	"latchkey.dev/internal/exchange"
	"latchkey.dev/internal/introspect"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/reqlog"
	"latchkey.dev/internal/revoke"
	"latchkey.dev/internal/serviceaccount"
	"latchkey.dev/internal/token"
	"latchkey.dev/internal/userinfo"
	"latchkey.dev/internal/wire"
)

// speaker serves one of a platform's addresses in the platform's words.
type speaker struct {
	http.Handler

	face *dialect.Face
}

// shapesOf are how answers go back by redirect where a dialect is spoken.
func shapesOf(spoken *dialect.Dialect) map[string]destination.Shape {
	if spoken == nil {
		return nil
	}
	return spoken.Shapes()
}

// refuse answers what was refused before the address was reached.
func (s speaker) refuse(w http.ResponseWriter, r *http.Request, err error) { s.face.Refuse(w, r, err) }

// speakers are the handlers of the addresses that a dialect gives an issuer, by host. own is the issuer's own site; rest are
// handlers of what else is at an address.
func (s *site) speakers(spoken *dialect.Dialect, own http.Handler, rest map[string]http.Handler) (map[string]http.Handler, error) {
	names := map[string][]string{} // the dialect's names of each host
	for _, name := range spoken.Hosts() {
		host := strings.ToLower(s.issuer.DialectHosts[name])
		if host == "" {
			return nil, fmt.Errorf("the dialect %s needs the address of its host %q; give it under dialect_hosts", spoken.Name, name)
		}
		names[host] = append(names[host], name)
	}
	handlers := map[string]http.Handler{}
	for host, names := range names {
		config := dialect.FaceConfig{
			Hosts: names, Operations: s.operations(), Pages: map[string]dialect.PageFunction{dialect.Authorize: s.authorizeSpoken},
			PageFace: func(handle func(http.ResponseWriter, *http.Request) error) http.Handler {
				return openPageFace(s, handle)
			},
			Rest: rest[host], Static: s.pages.StaticFile, Clock: s.clock,
		}
		if slices.Contains(s.issuer.Hosts, host) {
			config.Site = own
		}
		face, err := spoken.NewFace(config)
		if err != nil {
			return nil, err
		}
		handlers[host] = speaker{s.outermost(face), face}
	}
	return handlers, nil
}

// outermost sets what every answer carries, whoever answers.
func (s *site) outermost(inner http.Handler) http.Handler {
	secure := s.issuer.Secure()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reqlog.From(r.Context()).Issuer = s.issuer.Name
		if secure {
			w.Header()["Strict-Transport-Security"] = hsts
		}
		inner.ServeHTTP(w, r)
	})
}

// operations binds what a dialect can name to the endpoints that do it.
func (s *site) operations() map[string]dialect.Function {
	return map[string]dialect.Function{
		"token": s.tokenSpoken, "revoke": s.revokeSpoken, "introspect": s.introspectSpoken, "userinfo": s.userinfoSpoken,
		"service_sign_in": s.signInSpoken, "whoami": s.whoamiSpoken, "exchange": s.exchangeSpoken,
		"credential_create": s.createSpoken, "credential_rotate": s.rotateSpoken, "credential_list": s.listSpoken, "credential_remove": s.removeSpoken,
		"device_authorize": s.deviceSpoken, "register": s.registerSpoken,
	}
}

// authorizeSpoken takes a person on with a request in the platform's words; the answer goes back in them too.
func (s *site) authorizeSpoken(w http.ResponseWriter, r *http.Request, call dialect.Call) error {
	return s.authorize.Answer(w, r, authorize.Request{
		ClientID: call.Text("client_id"), RedirectURI: call.Text("redirect_uri"), ResponseType: call.Text("response_type"),
		ResponseMode: call.Text("response_mode"), Scope: call.Text("scope"), State: call.Text("state"),
		CodeChallenge: call.Text("code_challenge"), CodeChallengeMethod: call.Text("code_challenge_method"), Resources: call.Texts("resource"),
		Nonce: call.Text("nonce"), Prompt: call.Text("prompt"), MaxAge: call.Text("max_age"), IDTokenHint: call.Text("id_token_hint"),
		LoginHint: call.Text("login_hint"), UILocales: call.Text("ui_locales"), RequestObject: call.Text("request"),
		RequestURI: call.Text("request_uri"), Registration: call.Text("registration"), Face: call.Route,
	})
}

func credentialsOf(call dialect.Call) (client.Credentials, error) {
	return client.CredentialsWith(call.HTTP, call.Text("client_id"), call.Text("client_secret"))
}

func (s *site) tokenSpoken(ctx context.Context, call dialect.Call) (dialect.Answer, error) {
	credentials, err := credentialsOf(call)
	if err != nil {
		return dialect.Answer{}, err
	}
	request := token.Request{
		GrantType: oauth.GrantType(call.Text("grant_type")), Client: credentials, Code: call.Text("code"), RedirectURI: call.Text("redirect_uri"),
		CodeVerifier: call.Text("code_verifier"), RefreshToken: call.Text("refresh_token"), DeviceCode: call.Text("device_code"),
		AccountID: call.Text("account_id"), AccessToken: call.Text("access_token"),
		Scope: call.Text("scope"), Resources: call.Texts("resource"), Assertion: call.Text("assertion"), Address: wire.RequestAddress(call.HTTP),
	}
	if s.issuer.Policy.ServiceSession {
		if request.Principal, err = s.services.Current(call.HTTP); err != nil {
			return dialect.Answer{}, err
		}
	}
	response, err := s.token.Token(ctx, request)
	if err != nil {
		return dialect.Answer{}, err
	}
	return dialect.Answer{Members: tokenMembers(&response)}, nil
}

// tokenMembers is all that a platform may want to tell of a token. What is not there is left out.
func tokenMembers(r *token.Response) map[string]any {
	members := map[string]any{
		"access_token": r.AccessToken, "token_type": r.TokenType, "expires_in": int(r.ExpiresIn), "expires_at": int(r.ExpiresAt.Unix()),
		"issued_at": int(r.ExpiresAt.Unix() - r.ExpiresIn), "scope": r.Scope, "scopes": anyTexts(strings.Fields(r.Scope)), "client_id": r.ClientID,
	}
	for name, text := range map[string]string{
		"refresh_token": r.RefreshToken, "id_token": r.IDToken, "user_id": r.UserID, "account_id": r.AccountID, "grant_id": r.GrantID,
	} {
		if text != "" {
			members[name] = text
		}
	}
	return members
}

func anyTexts(texts []string) []any {
	values := make([]any, len(texts))
	for i, text := range texts {
		values[i] = text
	}
	return values
}

func (s *site) revokeSpoken(ctx context.Context, call dialect.Call) (dialect.Answer, error) {
	credentials, err := credentialsOf(call)
	if err != nil {
		return dialect.Answer{}, err
	}
	return dialect.Answer{}, s.revoke.Revoke(ctx, revoke.Request{Client: credentials, Token: call.Text("token")})
}

func (s *site) introspectSpoken(ctx context.Context, call dialect.Call) (dialect.Answer, error) {
	credentials, err := credentialsOf(call)
	if err != nil {
		return dialect.Answer{}, err
	}
	response, err := s.introspect.Introspect(ctx, introspect.Request{Client: credentials, Token: call.Text("token")})
	return answerOf(response, err)
}

func (s *site) userinfoSpoken(ctx context.Context, call dialect.Call) (dialect.Answer, error) {
	bearer, err := wire.BearerToken(call.HTTP)
	if err != nil {
		return dialect.Answer{}, err
	}
	response, err := s.userinfo.UserInfo(ctx, userinfo.Request{AccessToken: bearer})
	return answerOf(response, err)
}

func (s *site) signInSpoken(ctx context.Context, call dialect.Call) (dialect.Answer, error) {
	session, err := s.services.SignIn(ctx, serviceaccount.Assertion{Token: call.Text("token"), Address: wire.RequestAddress(call.HTTP)})
	if err != nil {
		return dialect.Answer{}, err
	}
	if accountID := call.Text("account_id"); accountID != "" {
		if may, err := s.services.MayActFor(ctx, &session.Principal, accountID); err != nil || !may {
			return dialect.Answer{}, orNotForAccount(err)
		}
	}
	answer, err := answerOf(session.Principal, nil)
	answer.Cookies = s.services.Cookies(session)
	return answer, err
}

// orNotForAccount: the session that was begun is handed to nobody.
func orNotForAccount(err error) error {
	if err != nil {
		return err
	}
	return oauth.UnauthorizedClient("this service account may not act for that account").With(serviceaccount.ReasonWrongAccount).WithStatus(http.StatusForbidden)
}

func (s *site) whoamiSpoken(ctx context.Context, call dialect.Call) (dialect.Answer, error) {
	principal, err := s.services.Current(call.HTTP)
	if err != nil {
		return dialect.Answer{}, err
	}
	who, err := s.services.WhoAmI(ctx, principal)
	return answerOf(who, err)
}

func (s *site) exchangeSpoken(ctx context.Context, call dialect.Call) (dialect.Answer, error) {
	principal, err := s.services.Current(call.HTTP)
	if err != nil {
		return dialect.Answer{}, err
	}
	key, err := rawValue(call.Value("public_jwk"))
	if err != nil {
		return dialect.Answer{}, err
	}
	response, err := s.exchange.Exchange(ctx, exchange.Request{SubjectToken: call.Text("subject_token"), PublicJWK: key, Principal: principal})
	return answerOf(response, err)
}

func (s *site) createSpoken(ctx context.Context, call dialect.Call) (dialect.Answer, error) {
	principal, err := s.services.Current(call.HTTP)
	if err != nil {
		return dialect.Answer{}, err
	}
	request, err := newKeyOf(call)
	if err != nil {
		return dialect.Answer{}, err
	}
	made, err := s.services.CredentialCreate(ctx, principal, request)
	return answerOf(made, err)
}

func newKeyOf(call dialect.Call) (request serviceaccount.CredentialCreate, err error) {
	request = serviceaccount.CredentialCreate{
		UserCode: call.Text("user_code"), ChannelIdentifier: call.Text("channel_identifier"), Addresses: call.Texts("addresses"),
	}
	if request.PublicJWK, err = rawValue(call.Value("public_jwk")); err != nil {
		return request, err
	}
	request.ExpiresAt, err = expiryOf(call.Text("expires_at"))
	return request, err
}

func (s *site) rotateSpoken(ctx context.Context, call dialect.Call) (dialect.Answer, error) {
	principal, err := s.services.Current(call.HTTP)
	if err != nil {
		return dialect.Answer{}, err
	}
	request := serviceaccount.CredentialRotate{}
	if request.CredentialCreate, err = newKeyOf(call); err != nil {
		return dialect.Answer{}, err
	}
	if request.Overlap, err = overlapOf(call.Value("overlap")); err != nil {
		return dialect.Answer{}, err
	}
	made, err := s.services.CredentialRotate(ctx, principal, request)
	return answerOf(made, err)
}

// overlapOf reads how many seconds the keys before a new one stay good: a day when it is left out.
func overlapOf(value any) (time.Duration, error) {
	switch seconds := value.(type) {
	case nil:
		return 24 * time.Hour, nil
	case int:
		return secondsOf(float64(seconds))
	case float64:
		return secondsOf(seconds)
	}
	return secondsOf(-1)
}

// secondsOf bounds before it converts: a number that is too large would come out as any other.
func secondsOf(seconds float64) (time.Duration, error) {
	if most := serviceaccount.MaxOverlap.Seconds(); seconds != math.Trunc(seconds) || seconds < 0 || seconds > most {
		return 0, oauth.InvalidRequest("the overlap must be a number of seconds from 0 to %d", int(most))
	}
	return time.Duration(seconds) * time.Second, nil
}

func (s *site) listSpoken(ctx context.Context, call dialect.Call) (dialect.Answer, error) {
	principal, err := s.services.Current(call.HTTP)
	if err != nil {
		return dialect.Answer{}, err
	}
	listed, err := s.services.CredentialList(ctx, principal, serviceaccount.CredentialList{
		UserCode: call.Text("user_code"), ChannelIdentifier: call.Text("channel_identifier"),
	})
	return answerOf(listed, err)
}

func (s *site) removeSpoken(ctx context.Context, call dialect.Call) (dialect.Answer, error) {
	principal, err := s.services.Current(call.HTTP)
	if err != nil {
		return dialect.Answer{}, err
	}
	removed, err := s.services.CredentialRemove(ctx, principal, serviceaccount.CredentialRemove{
		UserCode: call.Text("user_code"), ChannelIdentifier: call.Text("channel_identifier"), KeyID: call.Text("key_id"),
	})
	return answerOf(removed, err)
}

// rawValue hands a value that came as JSON on as JSON.
func rawValue(value any) (json.RawMessage, error) {
	if value == nil {
		return nil, nil
	}
	return json.Marshal(value)
}

func expiryOf(text string) (expiry serviceaccount.Expiry, err error) {
	raw, err := json.Marshal(text)
	if err != nil {
		return expiry, err
	}
	if err := expiry.UnmarshalJSON(raw); err != nil {
		return expiry, oauth.InvalidRequest("%v", err)
	}
	return expiry, nil
}

// answerOf makes members of a typed answer, as its JSON has them. It is for what is rare; tokens are written out above.
func answerOf(response any, err error) (dialect.Answer, error) {
	if err != nil {
		return dialect.Answer{}, err
	}
	data, err := json.Marshal(response)
	if err != nil {
		return dialect.Answer{}, err
	}
	var members map[string]any
	if err := json.Unmarshal(data, &members); err != nil {
		return dialect.Answer{}, err
	}
	return dialect.Answer{Members: members}, nil
}
