package bench

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/jwk"
	"latchkey.dev/internal/micros"
	"latchkey.dev/internal/mint"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/store"
)

// stored is what the database is filled with before it is measured: an issuer of its own, which the server serves too.
type stored struct {
	filling store.Filling
	// next is how many of the stored refresh tokens were used, by earlier runs on the same database too: each is used once.
	next atomic.Int64
	// tokens are access tokens of families all over the table.
	tokens []string
}

const (
	storedName      = "stored"
	appsOfUser      = 50
	familiesOfGrant = 5
	tokensDrawn     = 20000
	keptFor         = 91 * 24 * time.Hour // the default lifetime, and the day by which a row's end runs ahead of it
	parts           = 100                 // a run begins at the next of so many parts of the tokens
	underWay        = 100                 // at most so many were being used when an earlier run was stopped
)

// fill stores at least so many refresh tokens, with a fifth as many connections, unless an earlier run has done it. The server must not
// have opened the database yet.
func (w *world) fill(ctx context.Context, tokens int, progress func(Progress)) error {
	begin := micros.Of(time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)) // the same for each run on a database
	f := store.Filling{
		Issuer: storedName, Users: (tokens + appsOfUser*familiesOfGrant - 1) / (appsOfUser * familiesOfGrant), Families: familiesOfGrant,
		Scopes: oauth.ScopeSet{"openid", "offline_access", "orders"}, Begin: begin,
		Now: micros.Of(w.clock()), Unused: keptFor,
	}
	for i := range appsOfUser {
		f.Clients = append(f.Clients, manyID(i))
	}
	w.stored = &stored{filling: f}
	s, err := store.Open(ctx, store.Config{URL: w.database, Clock: w.clock, Rand: w.rand})
	if err != nil {
		return err
	}
	_, err = s.Family(ctx, storedName, f.Family(f.Tokens()-1).ID)
	if err := s.Close(); err != nil {
		return err
	}
	if !errors.Is(err, store.ErrNotFound) {
		return err // nil when it is there
	}
	started := w.clock()
	w.stored.filling.Progress = func(done, total int64) {
		left := time.Duration(float64(w.clock().Sub(started)) / float64(done) * float64(total-done))
		progress(Progress{What: fmt.Sprintf("storing %d refresh tokens", f.Tokens()), Done: int(done), Total: int(total), Left: left})
	}
	return store.Fill(ctx, w.database, &w.stored.filling)
}

// manyID names one of the apps that a person has many of.
func manyID(i int) string { return fmt.Sprintf("bench-app-%02d", i) }

// place spreads numbers over the whole table: neighbours in time are far from each other in it. The factor is a prime, so no number
// comes twice before all have come.
func (s *stored) place(number int) int {
	const far = 15485863
	return number * far % s.filling.Tokens()
}

// prepareStored finds where an earlier run stopped, and draws access tokens.
func (w *world) prepareStored(ctx context.Context) error {
	s := w.stored
	used, err := firstUnused(s.filling.Tokens(), func(number int) (bool, error) {
		family, err := w.store.Family(ctx, storedName, s.filling.Family(s.place(number)).ID)
		return family.Generation > 1, err
	})
	if err != nil {
		return err
	}
	s.next.Store(int64(used))
	site := w.sites[storedName]
	now := w.clock()
	for i := range min(tokensDrawn, s.filling.Tokens()) {
		family := s.filling.Family(s.place(i))
		token, err := site.mint.AccessToken(ctx, mint.Access{
			Subject: family.UserID, ClientID: family.ClientID, AccountID: family.AccountID, GrantID: family.GrantID, FamilyID: family.ID, Scopes: s.filling.Scopes,
			Audience: []string{site.issuer.Audience}, IssuedAt: micros.Of(now).Add(time.Second), ExpiresAt: micros.Of(now).Add(6 * time.Hour),
		})
		if err != nil {
			return err
		}
		s.tokens = append(s.tokens, token)
	}
	return nil
}

// firstUnused finds the first part of the tokens that no earlier run has begun: one that was stopped left holes among the last that it used.
func firstUnused(tokens int, used func(number int) (bool, error)) (int, error) {
	for first := 0; first < tokens; first += max(1, tokens/parts) {
		begun, err := false, error(nil)
		for number := first; number < min(first+underWay, tokens) && !begun && err == nil; number++ {
			begun, err = used(number)
		}
		if err != nil || !begun {
			return first, err
		}
	}
	return tokens, nil
}

var storedFormat = siteFormat{storedName, issuer.TokenFormat{Kind: issuer.Opaque, Alg: jwk.ES256}}

// refreshStored uses refresh tokens all over the table, each once.
func refreshStored(_ context.Context, w *world, _ int) (operation, error) {
	s, site := w.stored, w.sites[storedName]
	return func(c *caller) error {
		number := int(s.next.Add(1) - 1)
		if number >= s.filling.Tokens() {
			return errors.New("every stored refresh token was used: store more, or in a new database")
		}
		family := s.filling.Family(s.place(number))
		token, err := site.mint.RefreshToken(family.ID, 1)
		if err != nil {
			return err
		}
		return c.expect(post(host(storedName), "/oauth/token", basic(family.ClientID, site.secret), "grant_type=refresh_token&refresh_token="+token+"&scope=orders"), 200)
	}, nil
}

// introspectStored asks about tokens of families all over the table.
func introspectStored(_ context.Context, w *world, worker int) (operation, error) {
	s, site := w.stored, w.sites[storedName]
	number := worker * len(s.tokens) / 64 // connections begin apart from each other
	return func(c *caller) error {
		number++
		return active(c, post(host(storedName), "/oauth/introspect", site.basic, "token="+s.tokens[number%len(s.tokens)]))
	}, nil
}
