package client_test

import (
	"crypto/rand"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey.dev/internal/client"
	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/store"
	"latchkey.dev/internal/tokentest"
	"latchkey.dev/internal/wire"
)

func refused(t *testing.T, err error, code, reason string) {
	t.Helper()
	var meant *oauth.Error
	if !errors.As(err, &meant) || meant.Code != code || meant.Reason != reason {
		t.Errorf("%v (%+v), want %s, %s", err, meant, code, reason)
	}
}

// TestRFC6749_2_3_ASecretComesByEitherMethod where no platform asks for the registered one; one at a time.
func TestRFC6749_2_3_ASecretComesByEitherMethod(t *testing.T) {
	f := tokentest.New(t)
	for _, registered := range []string{oauth.AuthMethodBasic, oauth.AuthMethodPost} {
		app := f.App(func(m *store.ClientMetadata) { m.TokenEndpointAuthMethod = registered })
		for _, method := range []string{oauth.AuthMethodBasic, oauth.AuthMethodPost} {
			if _, err := f.Clients.Authenticate(t.Context(), client.Credentials{ID: app.ID, Secret: app.Secret, Method: method}); err != nil {
				t.Errorf("%s for %s: %v", method, registered, err)
			}
			_, err := f.Clients.Authenticate(t.Context(), client.Credentials{ID: app.ID, Secret: "lk_cs_x", Method: method})
			refused(t, err, oauth.CodeInvalidClient, oauth.ReasonWrongSecret)
		}
		_, err := f.Clients.Authenticate(t.Context(), client.Credentials{ID: app.ID, Method: oauth.AuthMethodNone})
		refused(t, err, oauth.CodeInvalidClient, oauth.ReasonWrongAuthMethod)
	}
	_, err := f.Clients.Authenticate(t.Context(), client.Credentials{ID: f.App(tokentest.Public).ID, Secret: "x", Method: oauth.AuthMethodPost})
	refused(t, err, oauth.CodeInvalidClient, oauth.ReasonWrongAuthMethod)
}

func TestRFC6749_2_3_OnlyTheRegisteredMethodAndSecret(t *testing.T) {
	f := tokentest.New(t)
	f.Issuer.Policy.ExactClientAuth = true
	basic := f.App()
	post := f.App(func(m *store.ClientMetadata) { m.TokenEndpointAuthMethod = oauth.AuthMethodPost })
	public := f.App(tokentest.Public)
	for _, app := range []tokentest.App{basic, post, public} {
		got, err := f.Clients.Authenticate(t.Context(), app.Credentials())
		if err != nil || got.ID != app.ID {
			t.Errorf("%s: %v", app.Metadata.TokenEndpointAuthMethod, err)
		}
	}
	for _, test := range []struct {
		name   string
		given  client.Credentials
		reason string
	}{
		{"nothing", client.Credentials{Method: oauth.AuthMethodNone}, oauth.ReasonMissing},
		{"unknown client", client.Credentials{ID: "app_none", Secret: "x", Method: oauth.AuthMethodBasic}, oauth.ReasonUnknown},
		{"endless identifier", client.Credentials{ID: strings.Repeat("a", 10_000), Method: oauth.AuthMethodNone}, oauth.ReasonUnknown},
		{"wrong secret", client.Credentials{ID: basic.ID, Secret: "lk_cs_x", Method: oauth.AuthMethodBasic}, oauth.ReasonWrongSecret},
		{"no secret", client.Credentials{ID: basic.ID, Method: oauth.AuthMethodBasic}, oauth.ReasonWrongSecret},
		{"endless secret", client.Credentials{ID: basic.ID, Secret: strings.Repeat("a", 10_000), Method: oauth.AuthMethodBasic}, oauth.ReasonWrongSecret},
		{"another client's secret", client.Credentials{ID: basic.ID, Secret: post.Secret, Method: oauth.AuthMethodBasic}, oauth.ReasonWrongSecret},
		{"post for basic", client.Credentials{ID: basic.ID, Secret: basic.Secret, Method: oauth.AuthMethodPost}, oauth.ReasonWrongAuthMethod},
		{"basic for post", client.Credentials{ID: post.ID, Secret: post.Secret, Method: oauth.AuthMethodBasic}, oauth.ReasonWrongAuthMethod},
		{"none for basic", client.Credentials{ID: basic.ID, Method: oauth.AuthMethodNone}, oauth.ReasonWrongAuthMethod},
		{"a secret for none", client.Credentials{ID: public.ID, Secret: "x", Method: oauth.AuthMethodPost}, oauth.ReasonWrongAuthMethod},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := f.Clients.Authenticate(t.Context(), test.given)
			refused(t, err, oauth.CodeInvalidClient, test.reason)
		})
	}
}

func TestASuspendedClientIsRefusedAndResumes(t *testing.T) {
	f := tokentest.New(t)
	app := f.App()
	f.Must(f.Clients.SetStatus(t.Context(), app.ID, store.ClientSuspended, ""))
	_, err := f.Clients.Authenticate(t.Context(), app.Credentials())
	refused(t, err, oauth.CodeInvalidClient, oauth.ReasonClientSuspended)
	wrong := app.Credentials()
	wrong.Secret = "lk_cs_wrong"
	_, err = f.Clients.Authenticate(t.Context(), wrong)
	refused(t, err, oauth.CodeInvalidClient, oauth.ReasonWrongSecret) // who has no secret does not learn it
	f.Must(f.Clients.SetStatus(t.Context(), app.ID, store.ClientActive, ""))
	if _, err = f.Clients.Authenticate(t.Context(), app.Credentials()); err != nil {
		t.Error(err)
	}
}

func TestSecretsRotateWithoutARefusedRequest(t *testing.T) {
	f := tokentest.New(t)
	app := f.App()
	fresh, err := f.Clients.RotateSecret(t.Context(), app.ID, f.User.ID, time.Hour)
	f.Must(err)
	with := func(secret string) error {
		_, err := f.Clients.Authenticate(t.Context(), client.Credentials{ID: app.ID, Secret: secret, Method: oauth.AuthMethodBasic})
		return err
	}
	f.Must(with(app.Secret))
	f.Must(with(fresh))
	f.Advance(time.Hour)
	refused(t, with(app.Secret), oauth.CodeInvalidClient, oauth.ReasonExpired)
	f.Must(with(fresh))
	now, err := f.Clients.RotateSecret(t.Context(), app.ID, f.User.ID, 0)
	f.Must(err)
	refused(t, with(fresh), oauth.CodeInvalidClient, oauth.ReasonExpired)
	f.Must(with(now))
}

func TestAtMostFiveSecretsAreGood(t *testing.T) {
	f := tokentest.New(t)
	app := f.App()
	for range 4 {
		_, err := f.Clients.AddSecret(t.Context(), app.ID, f.User.ID)
		f.Must(err)
	}
	_, err := f.Clients.AddSecret(t.Context(), app.ID, f.User.ID)
	refused(t, err, oauth.CodeInvalidClientMetadata, "")
	_, err = f.Clients.RotateSecret(t.Context(), app.ID, f.User.ID, time.Hour) // would leave six
	refused(t, err, oauth.CodeInvalidClientMetadata, "")
	known, err := f.Store.Client(t.Context(), f.Issuer.Name, app.ID)
	f.Must(err)
	f.Must(f.Clients.ExpireSecret(t.Context(), app.ID, known.Secrets[0].ID, f.User.ID, f.Store.Now()))
	if _, err = f.Clients.AddSecret(t.Context(), app.ID, f.User.ID); err != nil {
		t.Error(err)
	}
	_, err = f.Clients.AddSecret(t.Context(), f.App(tokentest.Public).ID, f.User.ID)
	refused(t, err, oauth.CodeInvalidClientMetadata, "")
}

func TestOfManyWhoAddASecretAtOnceAsManyWinAsAreAllowed(t *testing.T) {
	f := tokentest.New(t)
	app := f.App()
	var adding sync.WaitGroup
	for range 16 {
		adding.Go(func() {
			if _, err := f.Clients.AddSecret(t.Context(), app.ID, f.User.ID); err != nil {
				refused(t, err, oauth.CodeInvalidClientMetadata, "")
			}
		})
	}
	adding.Wait()
	known, err := f.Store.Client(t.Context(), f.Issuer.Name, app.ID)
	f.Must(err)
	if len(known.Secrets) != 5 {
		t.Errorf("%d secrets", len(known.Secrets))
	}
}

func TestNoSecretIsAddedToAnAppThatIsGone(t *testing.T) {
	f := tokentest.New(t)
	app := f.App()
	f.Must(f.Clients.Delete(t.Context(), app.ID, f.User.ID))
	if _, err := f.Clients.AddSecret(t.Context(), app.ID, f.User.ID); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("added: %v", err)
	}
	f.Must(f.Store.InTx(t.Context(), func(tx *store.Tx) error { return tx.CreateClient(*app.Client) }))
	known, err := f.Store.Client(t.Context(), f.Issuer.Name, app.ID)
	f.Must(err)
	if len(known.Secrets) != 0 {
		t.Errorf("it begins with %d secrets", len(known.Secrets))
	}
}

func TestAnEmergencyRotationIsNotRefusedForTheSecretsItEnds(t *testing.T) {
	f := tokentest.New(t)
	app := f.App()
	for range 4 {
		_, err := f.Clients.AddSecret(t.Context(), app.ID, f.User.ID)
		f.Must(err)
	}
	fresh, err := f.Clients.RotateSecret(t.Context(), app.ID, f.User.ID, 0)
	f.Must(err)
	for secret, want := range map[string]bool{app.Secret: false, fresh: true} {
		_, err := f.Clients.Authenticate(t.Context(), client.Credentials{ID: app.ID, Secret: secret, Method: oauth.AuthMethodBasic})
		if (err == nil) != want {
			t.Errorf("good is %t, want %t: %v", err == nil, want, err)
		}
	}
}

func TestASecretOfAnotherIssuersTwinDoesNotFit(t *testing.T) {
	f := tokentest.New(t)
	app := f.App()
	other := *f.Issuer
	other.Name = "other"
	registry := client.New(client.Config{Issuer: &other, Store: f.Store, Keyring: f.Keyring, Clock: f.Clock, Rand: rand.Reader})
	_, err := registry.Authenticate(t.Context(), app.Credentials())
	refused(t, err, oauth.CodeInvalidClient, oauth.ReasonUnknown)
	_, _, err = registry.Create(t.Context(), client.Registration{ID: app.ID, Name: "Twin", AccountID: "acc", Metadata: store.ClientMetadata{
		RedirectURIs: []string{tokentest.RedirectURI},
	}})
	f.Must(err)
	_, err = registry.Authenticate(t.Context(), app.Credentials())
	refused(t, err, oauth.CodeInvalidClient, oauth.ReasonWrongSecret)
}

func TestDatabaseTroubleIsNeverInvalidClient(t *testing.T) {
	f := tokentest.New(t)
	known, unknown := f.App(), f.App()
	_, err := f.Clients.Authenticate(t.Context(), known.Credentials())
	f.Must(err)
	f.Unavailable()
	if _, err := f.Clients.Authenticate(t.Context(), known.Credentials()); err != nil {
		t.Errorf("a client in memory needs no database: %v", err)
	}
	if _, err := f.Clients.Authenticate(t.Context(), unknown.Credentials()); !tokentest.IsUnavailable(err) {
		t.Errorf("%v, want unavailable", err)
	}
}

func TestAnotherNodeSeesAChangeAtItsNextPoll(t *testing.T) {
	f := tokentest.New(t)
	app := f.App()
	node := client.New(f.Clients.Config)
	f.Must(f.Store.PollChanges(t.Context()))
	_, err := node.Authenticate(t.Context(), app.Credentials())
	f.Must(err)
	if _, err := node.Find(t.Context(), "app_later"); !errors.Is(err, store.ErrNotFound) {
		t.Fatal(err)
	}
	f.Must(f.Clients.SetStatus(t.Context(), app.ID, store.ClientSuspended, ""))
	_, _, err = f.Clients.Create(t.Context(), client.Registration{ID: "app_later", Name: "Later", Metadata: app.Metadata})
	f.Must(err)
	f.Must(f.Store.PollChanges(t.Context()))
	_, err = node.Authenticate(t.Context(), app.Credentials())
	refused(t, err, oauth.CodeInvalidClient, oauth.ReasonClientSuspended)
	if _, err := node.Find(t.Context(), "app_later"); err != nil {
		t.Errorf("a client registered meanwhile: %v", err)
	}
}

func TestRegistrationRefusals(t *testing.T) {
	f := tokentest.New(t)
	app := f.App()
	for name, registration := range map[string]client.Registration{
		"no name":               {Metadata: app.Metadata},
		"endless name":          {Name: strings.Repeat("x", 101), Metadata: app.Metadata},
		"name that turns text":  {Name: "Acme\u202eknaB", Metadata: app.Metadata},
		"name without a letter": {Name: "\u200b\u2060", Metadata: app.Metadata},
		"name with a line end":  {Name: "Acme\nBank", Metadata: app.Metadata},
		"identifier of people":  {ID: f.User.ID, Name: "Shop", Metadata: app.Metadata}, // RFC 9068 §5
		"identifier with é":     {ID: "caf\u00e9", Name: "Shop", Metadata: app.Metadata},
		"identifier with a tab": {ID: "a\tb", Name: "Shop", Metadata: app.Metadata},
		"endless identifier":    {ID: strings.Repeat("x", 256), Name: "Shop", Metadata: app.Metadata},
		"short secret":          {Name: "Shop", Secret: "hunter2", Metadata: app.Metadata},
		"no redirect URI":       {Name: "Shop"},
	} {
		if _, _, err := f.Clients.Create(t.Context(), registration); err == nil {
			t.Errorf("%s: registered", name)
		}
	}
	_, _, err := f.Clients.Create(t.Context(), client.Registration{ID: app.ID, Name: "Shop", Metadata: app.Metadata})
	if !errors.Is(err, store.ErrConflict) {
		t.Errorf("an identifier that is taken: %v", err)
	}
}

func TestWhatHappenedToAnAppIsWrittenDown(t *testing.T) {
	f := tokentest.New(t)
	metadata := store.ClientMetadata{RedirectURIs: []string{tokentest.RedirectURI}}
	app, _, err := f.Clients.Create(t.Context(), client.Registration{Name: "Shop", AccountID: f.Account.ID, UserID: f.User.ID, Metadata: metadata})
	f.Must(err)
	f.Must(f.Clients.Update(t.Context(), app.ID, f.User.ID, func(app *store.Client) error { app.Name = "Shop 2"; return nil }))
	_, err = f.Clients.RotateSecret(t.Context(), app.ID, f.User.ID, 0)
	f.Must(err)
	f.Must(f.Clients.RevokeTokens(t.Context(), app.ID, f.User.ID))
	f.Must(f.Clients.Delete(t.Context(), app.ID, f.User.ID))
	events := f.Events()
	for _, happened := range []store.EventType{
		store.EventClientCreated, store.EventClientChanged, store.EventClientSecretAdded, store.EventClientTokensRevoked, store.EventClientDeleted,
	} {
		if tokentest.Count(events, happened) != 1 {
			t.Errorf("%s is not in the log once", happened)
		}
	}
	if _, err := f.Clients.Find(t.Context(), app.ID); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a deleted app: %v", err)
	}
}

func post(form string, edit func(*http.Request)) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/oauth/token", strings.NewReader(form))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if edit != nil {
		edit(r)
	}
	return r
}

func basic(id, secret string) func(*http.Request) {
	return func(r *http.Request) { r.SetBasicAuth(url.QueryEscape(id), url.QueryEscape(secret)) }
}

func TestRFC6749_2_3_1_WhereCredentialsAreRead(t *testing.T) {
	for _, test := range []struct {
		name, form string
		edit       func(*http.Request)
		want       client.Credentials
		code       string
	}{
		{"basic, form-encoded", "grant_type=x", basic("a:b c", "s%+é"), client.Credentials{ID: "a:b c", Secret: "s%+é", Method: oauth.AuthMethodBasic}, ""},
		{"basic and the same client_id", "client_id=a", basic("a", "s"), client.Credentials{ID: "a", Secret: "s", Method: oauth.AuthMethodBasic}, ""},
		{"post", "client_id=a&client_secret=s", nil, client.Credentials{ID: "a", Secret: "s", Method: oauth.AuthMethodPost}, ""},
		{"none", "client_id=a", nil, client.Credentials{ID: "a", Method: oauth.AuthMethodNone}, ""},
		{"nobody", "grant_type=x", nil, client.Credentials{Method: oauth.AuthMethodNone}, ""},
		{"both", "client_id=a&client_secret=s", basic("a", "s"), client.Credentials{}, oauth.CodeInvalidRequest},
		{"basic and another client_id", "client_id=b", basic("a", "s"), client.Credentials{}, oauth.CodeInvalidRequest},
		{"broken basic", "", func(r *http.Request) { r.Header.Set("Authorization", "Basic !") }, client.Credentials{}, oauth.CodeInvalidClient},
		{"two headers", "", func(r *http.Request) {
			r.Header.Add("Authorization", "Basic YTpi")
			r.Header.Add("Authorization", "Basic YTpi")
		}, client.Credentials{}, oauth.CodeInvalidRequest},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := post(test.form, test.edit)
			params, err := wire.Form(r)
			if err != nil {
				t.Fatal(err)
			}
			got, err := client.CredentialsFrom(r, params)
			var meant *oauth.Error
			if errors.As(err, &meant) != (test.code != "") || meant != nil && meant.Code != test.code || got != test.want {
				t.Errorf("%+v, %v; want %+v, %s", got, err, test.want, test.code)
			}
		})
	}
}

func FuzzCredentialsFrom(f *testing.F) {
	f.Add("client_id=a&client_secret=b", "Basic YTpi")
	f.Add("client_id=a", "")
	f.Add("client_id=%00", "Bearer x")
	f.Add("client_secret=s", "basic  YSUzQTpi")
	f.Add("", "Basic")
	f.Fuzz(func(t *testing.T, body, authorization string) {
		r := post(body, func(r *http.Request) { r.Header["Authorization"] = []string{authorization} })
		params, err := wire.Form(r)
		if err != nil {
			return
		}
		got, err := client.CredentialsFrom(r, params)
		var meant *oauth.Error
		switch {
		case err != nil && (!errors.As(err, &meant) || got != client.Credentials{}):
			t.Errorf("%q %q: %+v, %v", body, authorization, got, err)
		case err == nil && (got.Method == oauth.AuthMethodNone) != (got.Secret == "") && got.Method != oauth.AuthMethodBasic:
			t.Errorf("%q %q: %+v", body, authorization, got)
		}
	})
}

func BenchmarkAuthenticate(b *testing.B) {
	f := tokentest.New(b, func(*issuer.Issuer) {})
	credentials := f.App().Credentials()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := f.Clients.Authenticate(b.Context(), credentials); err != nil {
			b.Fatal(err)
		}
	}
}

// An app in testing is suspended while its developer takes an address out: neither undoes the other.
func TestSuspendingAndUpdatingDoNotUndoEachOther(t *testing.T) {
	f := tokentest.New(t)
	for range 50 {
		app := f.App(func(m *store.ClientMetadata) { m.RedirectURIs = append(m.RedirectURIs, "https://stolen.example/cb") })
		f.Must(f.Clients.SetStatus(t.Context(), app.ID, store.ClientTesting, ""))
		var suspending sync.WaitGroup
		suspending.Go(func() { f.Must(f.Clients.SetStatus(t.Context(), app.ID, store.ClientSuspended, "")) })
		f.Must(f.Clients.Update(t.Context(), app.ID, "", func(app *store.Client) error {
			app.Metadata.RedirectURIs = []string{tokentest.RedirectURI}
			return nil
		}))
		suspending.Wait()
		after, err := f.Store.Client(t.Context(), "acme", app.ID)
		f.Must(err)
		if len(after.Metadata.RedirectURIs) > 1 || !after.Metadata.ResumesTesting {
			t.Fatalf("%v, resumes testing: %v", after.Metadata.RedirectURIs, after.Metadata.ResumesTesting)
		}
	}
}
