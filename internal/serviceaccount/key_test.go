package serviceaccount_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/reqlog"
	"latchkey.dev/internal/serviceaccount"
	"latchkey.dev/internal/store"
	"latchkey.dev/internal/tokentest"
)

// own is a draft with a key that takes no time to make.
func own() serviceaccount.KeyDraft {
	return serviceaccount.KeyDraft{PublicJWK: json.RawMessage(`{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`)} // RFC 8037 appendix A.2
}

func TestASixthKeyIsRefused(t *testing.T) {
	f := newFixture(t)
	for range serviceaccount.MaxKeys - 1 {
		_, err := f.service.AddKey(t.Context(), f.account, own(), "")
		f.Must(err)
	}
	_, err := f.service.AddKey(t.Context(), f.account, own(), "")
	refused(t, err, oauth.CodeInvalidRequest, serviceaccount.ReasonTooManyKeys, http.StatusConflict)
	_, err = f.service.RemoveKey(t.Context(), f.account, f.signer.keyID, "")
	f.Must(err)
	_, err = f.service.AddKey(t.Context(), f.account, own(), "")
	f.Must(err)
}

func TestAnExpiredKeyMakesPlace(t *testing.T) {
	f := newFixture(t)
	draft := own()
	draft.ExpiresAt = f.Store.Now().Add(time.Minute)
	for range serviceaccount.MaxKeys - 1 {
		_, err := f.service.AddKey(t.Context(), f.account, draft, "")
		f.Must(err)
	}
	f.Advance(time.Minute)
	_, err := f.service.AddKey(t.Context(), f.account, own(), "")
	f.Must(err)
}

func TestRacingCallersCannotOutnumberTheKeys(t *testing.T) {
	f := newFixture(t)
	account := f.create("second")
	var added atomic.Int64
	var all sync.WaitGroup
	for range 32 {
		all.Go(func() {
			_, err := f.service.AddKey(t.Context(), account, own(), "")
			var said *oauth.Error
			switch {
			case err == nil:
				added.Add(1)
			case !errors.As(err, &said) || said.Reason != serviceaccount.ReasonTooManyKeys:
				t.Error(err)
			}
		})
	}
	all.Wait()
	if added.Load() != serviceaccount.MaxKeys {
		t.Errorf("added %d keys", added.Load())
	}
}

func TestRotationOverlaps(t *testing.T) {
	f := newFixture(t)
	session := f.signIn(f.signer)
	_, err := f.service.RotateKey(t.Context(), f.account, own(), time.Hour, f.User.ID)
	f.Must(err)
	f.Advance(59 * time.Minute)
	f.signIn(f.signer)
	f.Advance(time.Minute)
	_, err = f.service.SignIn(t.Context(), f.assertion(f.signer, nil))
	refused(t, err, oauth.CodeInvalidGrant, serviceaccount.ReasonKeyExpired, 401)
	_, err = f.service.Resume(t.Context(), f.values(session), here)
	refused(t, err, oauth.CodeInvalidClient, serviceaccount.ReasonKeyExpired, 401)
}

func TestRotationNowNeedsNoPlace(t *testing.T) {
	f := newFixture(t)
	for range serviceaccount.MaxKeys - 1 {
		_, err := f.service.AddKey(t.Context(), f.account, own(), "")
		f.Must(err)
	}
	_, err := f.service.RotateKey(t.Context(), f.account, own(), 0, "")
	f.Must(err)
	_, err = f.service.SignIn(t.Context(), f.assertion(f.signer, nil))
	refused(t, err, oauth.CodeInvalidGrant, serviceaccount.ReasonKeyExpired, 401)
}

func TestCredentialCreateAndRemove(t *testing.T) {
	f := newFixture(t)
	principal, err := f.service.Resume(t.Context(), f.values(f.signIn(f.signer)), here)
	f.Must(err)
	other := f.create("other")
	create := serviceaccount.CredentialCreate{
		UserCode: other.ID, ChannelIdentifier: f.account.Channel, PublicJWK: own().PublicJWK, Addresses: []string{"192.0.2.0/24"},
		ExpiresAt: serviceaccount.Expiry{At: f.Store.Now().Add(time.Hour)},
	}
	credential, err := f.service.CredentialCreate(t.Context(), principal, create)
	f.Must(err)
	if credential.UserCode != other.ID || credential.PrivateKey != "" || credential.ExpiresAt != f.Clock().Add(time.Hour).Unix() {
		t.Errorf("the user code wins, and an own key has no private half to tell: %+v", credential)
	}
	create.UserCode, create.ChannelIdentifier = "", other.Channel
	_, err = f.service.CredentialCreate(t.Context(), principal, create)
	f.Must(err)
	for _, step := range []struct {
		keyID   string
		success bool
		removed int64
	}{{credential.KeyID, true, 1}, {credential.KeyID, false, 0}, {f.signer.keyID, false, 0}, {"", true, 1}, {"", true, 0}} {
		got, err := f.service.CredentialRemove(t.Context(), principal, serviceaccount.CredentialRemove{UserCode: other.ID, KeyID: step.keyID})
		f.Must(err)
		if got.Success != step.success || got.Removed != step.removed {
			t.Errorf("remove %q: %+v, want %+v", step.keyID, got, step)
		}
	}
}

func TestCredentialsOfOthersAreNotThere(t *testing.T) {
	f := newFixture(t)
	f.Tx(func(tx *store.Tx) error {
		return tx.CreateAccount(store.Account{Issuer: "acme", ID: "acc_other", Name: "Other"}, f.User.ID)
	})
	foreign, err := f.service.Create(t.Context(), serviceaccount.Draft{AccountID: "acc_other", Name: "foreign"}, "")
	f.Must(err)
	own := &serviceaccount.Principal{ID: f.account.ID, AccountID: f.Account.ID}
	delegated := &serviceaccount.Principal{ID: "made-by-consent", AccountID: f.Account.ID, Delegated: true}
	for _, test := range []struct {
		principal *serviceaccount.Principal
		target    string
		code      string
		reason    string
		status    int
	}{
		{nil, f.account.ID, oauth.CodeInvalidClient, serviceaccount.ReasonSessionRequired, 401},
		{own, "", oauth.CodeInvalidRequest, "", 400},
		{own, "nobody", oauth.CodeInvalidRequest, serviceaccount.ReasonUnknownAccount, 404},
		{own, foreign.ID, oauth.CodeInvalidRequest, serviceaccount.ReasonUnknownAccount, 404},
		{delegated, f.account.ID, oauth.CodeInvalidRequest, serviceaccount.ReasonUnknownAccount, 404},
	} {
		_, err := f.service.CredentialCreate(t.Context(), test.principal, serviceaccount.CredentialCreate{UserCode: test.target})
		refused(t, err, test.code, test.reason, test.status)
		_, err = f.service.CredentialRemove(t.Context(), test.principal, serviceaccount.CredentialRemove{UserCode: test.target})
		refused(t, err, test.code, test.reason, test.status)
		_, err = f.service.CredentialRotate(t.Context(), test.principal, serviceaccount.CredentialRotate{CredentialCreate: serviceaccount.CredentialCreate{UserCode: test.target}})
		refused(t, err, test.code, test.reason, test.status)
		_, err = f.service.CredentialList(t.Context(), test.principal, serviceaccount.CredentialList{UserCode: test.target})
		refused(t, err, test.code, test.reason, test.status)
	}
	_, err = f.service.WhoAmI(t.Context(), nil)
	refused(t, err, oauth.CodeInvalidClient, serviceaccount.ReasonSessionRequired, 401)
}

func TestKeysThatAreRefused(t *testing.T) {
	f := newFixture(t)
	for name, draft := range map[string]serviceaccount.KeyDraft{
		"eleven addresses": {Addresses: make([]string, 11)},
		"not an address":   {Addresses: []string{"example.com"}},
		"over already":     {ExpiresAt: f.Store.Now()},
		"private":          {PublicJWK: json.RawMessage(`{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"}`)},
		"symmetric":        {PublicJWK: json.RawMessage(`{"kty":"oct","k":"AAAA"}`)},
		"short RSA":        {PublicJWK: json.RawMessage(`{"kty":"RSA","e":"AQAB","n":"` + repeated(128) + `"}`)},
		"long RSA":         {PublicJWK: json.RawMessage(`{"kty":"RSA","e":"AQAB","n":"` + repeated(1024) + `"}`)},
		"exponent 3":       {PublicJWK: json.RawMessage(`{"kty":"RSA","e":"Aw","n":"` + repeated(256) + `"}`)},
		"another curve":    {PublicJWK: json.RawMessage(`{"kty":"EC","crv":"P-384","x":"iA7aWvDLjPncbY2mAHKoz21MWUF2xSvAkxJBKagKUqI","y":"iA7aWvDLjPncbY2mAHKoz21MWUF2xSvAkxJBKagKUqI"}`)},
		"another alg":      {PublicJWK: json.RawMessage(`{"kty":"OKP","crv":"Ed25519","alg":"RS256","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`)},
		"for encryption":   {PublicJWK: json.RawMessage(`{"kty":"OKP","crv":"Ed25519","use":"enc","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`)},
		"not an object":    {PublicJWK: json.RawMessage(`"x"`)},
	} {
		_, err := f.service.AddKey(t.Context(), f.account, draft, "")
		var said *oauth.Error
		if !errors.As(err, &said) || said.Code != oauth.CodeInvalidRequest {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// repeated is a modulus of n bytes.
func repeated(n int) string {
	modulus := make([]byte, n)
	for i := range modulus {
		modulus[i] = 0xff
	}
	return base64.RawURLEncoding.EncodeToString(modulus)
}

func TestSessionCookies(t *testing.T) {
	f := newFixture(t, func(i *issuer.Issuer) { i.Policy.ServiceAccounts.Cookies = []string{"_one", "_two"} })
	session := f.signIn(f.signer)
	cookies := f.service.Cookies(session)
	if len(cookies) != 2 || cookies[0].Name != "_one" || cookies[1].Name != "_two" || cookies[0].Value == cookies[1].Value {
		t.Fatalf("cookies: %v", cookies)
	}
	for _, cookie := range cookies {
		if !cookie.HttpOnly || !cookie.Secure || cookie.Path != "/" || cookie.Domain != "" || cookie.MaxAge != 30*24*3600 || len(cookie.Value) < 43 {
			t.Errorf("cookie %+v", cookie)
		}
	}
	for name, test := range map[string]struct {
		send   []*http.Cookie
		signed bool
		reason string
	}{
		"both":                {cookies, true, ""},
		"neither":             {nil, false, ""},
		"one":                 {cookies[:1], false, ""},
		"one twice":           {append(cookies[:2:2], cookies[0]), false, ""},
		"exchanged":           {[]*http.Cookie{{Name: "_one", Value: cookies[1].Value}, {Name: "_two", Value: cookies[0].Value}}, false, serviceaccount.ReasonSessionEnded},
		"the second invented": {[]*http.Cookie{cookies[0], {Name: "_two", Value: "x"}}, false, serviceaccount.ReasonSessionEnded},
		"the second is empty": {[]*http.Cookie{cookies[0], {Name: "_two"}}, false, serviceaccount.ReasonSessionEnded},
		"the second goes on…": {[]*http.Cookie{cookies[0], {Name: "_two", Value: repeated(500)}}, false, serviceaccount.ReasonSessionEnded},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			for _, cookie := range test.send {
				r.AddCookie(&http.Cookie{Name: cookie.Name, Value: cookie.Value})
			}
			principal, err := f.service.Current(r.WithContext(reqlog.With(r.Context(), &reqlog.Record{Address: here})))
			if test.reason != "" {
				refused(t, err, oauth.CodeInvalidClient, test.reason, 401)
				return
			}
			if err != nil || (principal != nil) != test.signed {
				t.Errorf("principal %v, error %v", principal, err)
			}
		})
	}
}

func TestASessionLivesThirtyDays(t *testing.T) {
	f := newFixture(t)
	values := f.values(f.signIn(f.signer))
	f.Advance(30*24*time.Hour - time.Second)
	_, err := f.service.Resume(t.Context(), values, here)
	f.Must(err)
	f.Advance(time.Second)
	_, err = f.service.Resume(t.Context(), values, here)
	refused(t, err, oauth.CodeInvalidClient, serviceaccount.ReasonSessionEnded, 401)
}

func TestCreateRefuses(t *testing.T) {
	f := newFixture(t)
	for _, name := range []string{"", "  ", "a\u202eb", "a\nb", repeated(200)} {
		_, err := f.service.Create(t.Context(), serviceaccount.Draft{AccountID: f.Account.ID, Name: name}, "")
		refused(t, err, oauth.CodeInvalidRequest, "", 400)
	}
	_, err := f.service.Create(t.Context(), serviceaccount.Draft{AccountID: f.Account.ID, Name: "x", Scopes: tokentest.Scopes("no.such")}, "")
	refused(t, err, oauth.CodeInvalidScope, "", 400)
	_, err = f.service.Create(t.Context(), serviceaccount.Draft{AccountID: f.Account.ID, Name: "x", ID: f.account.ID}, "")
	if !errors.Is(err, store.ErrConflict) {
		t.Errorf("a user code that is taken: %v", err)
	}
}

func TestMakerMakesAhead(t *testing.T) {
	f := newFixture(t)
	maker := f.service.Keys
	first, err := maker.Make(t.Context())
	f.Must(err)
	second, err := maker.Make(t.Context())
	f.Must(err)
	if first.Equal(second) || first.N.BitLen() != 2048 {
		t.Error("a key was handed out twice, or is not 2048 bits long")
	}
}

func ExampleExpiry() {
	var request serviceaccount.CredentialCreate
	for _, text := range []string{`null`, `"2030-01-31T12:00:00Z"`, `"2030-01-31T13:00:00.5+01:00"`, `"2030-01-31 12:00:00"`, `"2030-01-31"`, `"0001-01-01T00:00:00"`, `"1970-01-01"`, `1`, `"soon"`} {
		err := json.Unmarshal([]byte(`{"expires_at":`+text+`}`), &request)
		fmt.Println(request.ExpiresAt.At.Time().Format(time.RFC3339Nano), err)
	}
	// Output:
	// 0001-01-01T00:00:00Z <nil>
	// 2030-01-31T12:00:00Z <nil>
	// 2030-01-31T12:00:00.5Z <nil>
	// 2030-01-31T12:00:00Z <nil>
	// 2030-01-31T00:00:00Z <nil>
	// 1970-01-01T00:00:00.000001Z <nil>
	// 1970-01-01T00:00:00.000001Z <nil>
	// 1970-01-01T00:00:00.000001Z expires_at must be a string such as 2030-01-31T12:00:00Z, or null
	// 0001-01-01T00:00:00Z expires_at must be a time such as 2030-01-31T12:00:00Z
}
