package token_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"latchkey.dev/internal/micros"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/store"
	"latchkey.dev/internal/tokentest"
)

func TestRFC6749_6_ARefreshRotates(t *testing.T) {
	e := newEndpoint(t)
	first := e.redeemed()
	e.Advance(time.Hour)
	second := e.must(e.refreshRequest(first.RefreshToken))
	if second.RefreshToken == first.RefreshToken || second.AccessToken == first.AccessToken || second.Scope != allScopes || second.IDToken == "" {
		t.Errorf("%+v", second)
	}
	third := e.must(e.refreshRequest(second.RefreshToken))
	for _, accessToken := range []string{first.AccessToken, second.AccessToken, third.AccessToken} {
		if _, state := e.holds(accessToken); state.Ended != "" {
			t.Errorf("%+v", state)
		}
	}
}

func TestRFC6749_6_Refusals(t *testing.T) {
	e := newEndpoint(t)
	mine := e.redeemed().RefreshToken
	e.refused(e.refreshRequest(""), oauth.CodeInvalidRequest, "")
	e.refused(e.refreshRequest("lk_rt_forged"), oauth.CodeInvalidGrant, oauth.ReasonUnknown)
	never, err := e.Mint.RefreshToken(e.Store.NewID(), 1)
	e.Must(err)
	e.refused(e.refreshRequest(never), oauth.CodeInvalidGrant, oauth.ReasonUnknown)
	foreign := e.refreshRequest(mine)
	foreign.Client = e.App().Credentials()
	e.refused(foreign, oauth.CodeInvalidGrant, oauth.ReasonWrongClient)
	public := e.App(tokentest.Public)
	foreign.Client = public.Credentials()
	e.refused(foreign, oauth.CodeInvalidGrant, oauth.ReasonWrongClient)
	e.must(e.refreshRequest(mine)) // none of that spent it
}

func TestAForgedRefreshTokenCostsNoRead(t *testing.T) {
	e := newEndpoint(t)
	token := e.redeemed().RefreshToken
	e.Unavailable()
	e.refused(e.refreshRequest(token[:len(token)-4]+"AAAA"), oauth.CodeInvalidGrant, oauth.ReasonUnknown)
}

func TestRFC6749_6_TheScopeMayNarrowAndNeverWiden(t *testing.T) {
	e := newEndpoint(t)
	first := e.redeemed(func(c *store.Code) { c.Binding.Scopes = tokentest.Scopes("openid offline_access orders.read") })
	narrow := e.refreshRequest(first.RefreshToken)
	narrow.Scope = "orders.read"
	second := e.must(narrow)
	if second.Scope != "orders.read" || second.IDToken != "" {
		t.Errorf("%+v", second)
	}
	wide := e.refreshRequest(second.RefreshToken)
	wide.Scope = "orders.read orders.write" // the grant has it, this authorization does not
	e.refused(wide, oauth.CodeInvalidScope, "")
	third := e.must(e.refreshRequest(second.RefreshToken))
	if third.Scope != first.Scope { // §6: what was granted stays as it was
		t.Errorf("scope %q", third.Scope)
	}
}

func TestARefreshGetsWhatTheConnectionAllowsNow(t *testing.T) {
	e := newEndpoint(t)
	first := e.redeemed()
	e.Tx(func(tx *store.Tx) error {
		_, _, err := tx.SaveConsent(store.Consent{
			Issuer: e.Issuer.Name, UserID: e.User.ID, AccountID: e.Account.ID, ClientID: e.app.ID, Declined: tokentest.Scopes("orders.write"),
		})
		return err
	})
	if second := e.must(e.refreshRequest(first.RefreshToken)); second.Scope != "openid offline_access orders.read" {
		t.Errorf("scope %q", second.Scope)
	}
}

func TestADisconnectedAppLearnsWhy(t *testing.T) {
	e := newEndpoint(t)
	first := e.redeemed()
	e.RevokeGrant(e.grant.ID)
	e.refused(e.refreshRequest(first.RefreshToken), oauth.CodeInvalidGrant, oauth.ReasonRevokedByUser)
}

func TestARefreshTokenExpiresWhenItIsNotUsed(t *testing.T) {
	e := newEndpoint(t)
	life := e.Issuer.Lifetimes.RefreshToken
	current := e.redeemed().RefreshToken
	for range 3 { // use keeps it alive
		e.Advance(life - time.Second)
		current = e.must(e.refreshRequest(current)).RefreshToken
	}
	e.Advance(life)
	e.refused(e.refreshRequest(current), oauth.CodeInvalidGrant, oauth.ReasonExpired)
}

// The end has an index, and moving it costs as much as the rotation; what an app may rely on does not depend on when it moved.
func TestAFamilysEndIsMovedOnceADay(t *testing.T) {
	e := newEndpoint(t)
	life := e.Issuer.Lifetimes.RefreshToken
	first := e.redeemed().RefreshToken
	familyID, _, _ := e.Mint.ReadRefreshToken(first)
	ends := map[micros.Time]bool{}
	for range 49 {
		e.Advance(time.Hour)
		first = e.must(e.refreshRequest(first)).RefreshToken
		family, err := e.Store.Family(t.Context(), e.Issuer.Name, familyID)
		e.Must(err)
		ends[family.ExpiresAt] = true
		if now := e.Store.Now(); family.ExpiresAt < now.Add(life) || family.EndsAt(life) != now.Add(life) {
			t.Fatalf("used %v, kept until %v, ends %v", now.Time(), family.ExpiresAt.Time(), family.EndsAt(life).Time())
		}
	}
	if len(ends) != 2 {
		t.Errorf("the end moved %d times in 49 hours", len(ends))
	}
}

func TestALostAnswerIsRepeatedWithinTheGraceTime(t *testing.T) {
	e := newEndpoint(t)
	first := e.redeemed().RefreshToken
	second := e.must(e.refreshRequest(first)).RefreshToken
	e.Advance(e.Issuer.Lifetimes.RefreshGrace)
	if again := e.must(e.refreshRequest(first)).RefreshToken; again != second {
		t.Error("the repeat got another successor")
	}
	e.must(e.refreshRequest(second))
}

func TestOAuth21_4_3_1_AnOldRefreshTokenRevokesItsFamily(t *testing.T) {
	for name, spoil := range map[string]func(e *endpoint, first, second string){
		"after the grace time": func(e *endpoint, _, _ string) { e.Advance(e.Issuer.Lifetimes.RefreshGrace + time.Microsecond) },
		"two generations old":  func(e *endpoint, _, second string) { e.must(e.refreshRequest(second)) },
	} {
		t.Run(name, func(t *testing.T) {
			e := newEndpoint(t)
			bought := e.redeemed()
			second := e.must(e.refreshRequest(bought.RefreshToken))
			other := e.redeemed()
			spoil(e, bought.RefreshToken, second.RefreshToken)
			for range 3 {
				e.refused(e.refreshRequest(bought.RefreshToken), oauth.CodeInvalidGrant, oauth.ReasonReused)
			}
			e.refused(e.refreshRequest(second.RefreshToken), oauth.CodeInvalidGrant, oauth.ReasonReused)
			if _, state := e.holds(second.AccessToken); state.Ended != oauth.ReasonReused {
				t.Errorf("%+v", state)
			}
			e.must(e.refreshRequest(other.RefreshToken)) // another device goes on
			if n := tokentest.Count(e.Events(), store.EventRefreshTokenReused); n != 1 {
				t.Errorf("%d events, want 1", n)
			}
		})
	}
}

// A restored backup, or a standby that was behind when it took over, has lost rotations whose tokens are out.
func TestADatabaseThatLostARotationEndsNobody(t *testing.T) {
	e := newEndpoint(t)
	held := e.ahead(e.redeemed().RefreshToken, 7)
	responses, failures := e.together(e.refreshRequest(held))
	if len(failures) > 0 {
		t.Fatalf("%d of %d refused: %v", len(failures), crowd, failures[0])
	}
	for _, response := range responses {
		if response.RefreshToken != e.ahead(held, 1) {
			t.Fatal("the successor is not the one beyond what was presented")
		}
	}
	e.must(e.refreshRequest(responses[0].RefreshToken))
	e.refused(e.refreshRequest(held), oauth.CodeInvalidGrant, oauth.ReasonReused) // two behind: whoever has it now copied it
}

func TestWhatALostRotationReplacedIsStillReuse(t *testing.T) {
	for behind := range int64(3) {
		e := newEndpoint(t)
		known := e.redeemed().RefreshToken // what the database believes to be current
		successor := e.must(e.refreshRequest(e.ahead(known, 3))).RefreshToken
		e.refused(e.refreshRequest(e.ahead(known, behind)), oauth.CodeInvalidGrant, oauth.ReasonReused)
		e.refused(e.refreshRequest(successor), oauth.CodeInvalidGrant, oauth.ReasonReused)
	}
}

// ahead is the token that n more rotations would give.
func (e *endpoint) ahead(token string, n int64) string {
	e.Helper()
	family, generation, ok := e.Mint.ReadRefreshToken(token)
	if !ok {
		e.Fatal("not a refresh token")
	}
	later, err := e.Mint.RefreshToken(family, generation+n)
	e.Must(err)
	return later
}

// TestARefreshTokenBehavesLikeItsModel lets time pass, lets the database forget rotations, presents tokens of any age, in any order, and
// compares with the rule in one sentence: what the database has as newest, or anything newer, rotates; the one before it repeats within
// grace; anything else ends the family.
func TestARefreshTokenBehavesLikeItsModel(t *testing.T) {
	e := newEndpoint(t)
	grace := e.Issuer.Lifetimes.RefreshGrace
	rapid.Check(t, func(r *rapid.T) {
		tokens, newest := []string{e.redeemed().RefreshToken}, 0 // as the database has it
		var rotatedAt time.Time
		dead := false
		for range rapid.IntRange(1, 12).Draw(r, "steps") {
			e.Advance(time.Duration(rapid.SampledFrom([]int64{0, 1, 20, 40}).Draw(r, "wait")) * time.Second)
			for range rapid.SampledFrom([]int{0, 0, 0, 2}).Draw(r, "forgotten") {
				tokens = append(tokens, e.ahead(tokens[len(tokens)-1], 1))
			}
			at := rapid.IntRange(max(0, newest-3), len(tokens)-1).Draw(r, "presented")
			response, err := e.handler.Token(t.Context(), e.refreshRequest(tokens[at]))
			switch {
			case !dead && at >= newest:
				if err != nil || response.RefreshToken != e.ahead(tokens[at], 1) {
					r.Fatalf("the newest, or newer: %v", err)
				}
				if newest, rotatedAt = at+1, e.Clock(); newest == len(tokens) {
					tokens = append(tokens, response.RefreshToken)
				}
			case !dead && at == newest-1 && e.Clock().Sub(rotatedAt) <= grace:
				if err != nil || response.RefreshToken != tokens[newest] {
					r.Fatalf("a repeat within grace: %v", err)
				}
			default:
				if dead = true; err == nil {
					r.Fatalf("a token %d before the newest was taken", newest-at)
				}
			}
		}
	})
}
