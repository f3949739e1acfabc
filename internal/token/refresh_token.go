package token

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"latchkey.dev/internal/micros"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/reqlog"
	"latchkey.dev/internal/store"
)

// loadRefreshToken binds a refresh token to its client and decides what it is: the current one, the one just spent, or an old
// one (RFC 6749 §6, OAuth 2.1 §4.3). A forged one costs no read.
func (h *Handler) loadRefreshToken(ctx context.Context, client *store.Client, request Request) (authorization, error) {
	if request.RefreshToken == "" {
		return authorization{}, oauth.InvalidRequest("refresh_token is missing")
	}
	familyID, generation, ok := h.Mint.ReadRefreshToken(request.RefreshToken)
	if !ok {
		return authorization{}, unknownRefreshToken()
	}
	family, err := h.Store.Family(ctx, h.Issuer.Name, familyID)
	if errors.Is(err, store.ErrNotFound) {
		return authorization{}, unknownRefreshToken()
	}
	if err != nil {
		return authorization{}, err
	}
	now := h.Store.Now()
	if request.familyID != "" && request.familyID != family.ID { // the access token that proved the client is another authorization's
		return authorization{}, oauth.InvalidGrant("the access token and the refresh token were not issued together").With(oauth.ReasonWrongClient)
	}
	if err := h.checkFamily(&family, client, now); err != nil {
		return authorization{}, err
	}
	rotates, err := h.place(ctx, &family, generation, now)
	if err != nil {
		return authorization{}, err
	}
	scopes, err := stillAllowed(family.Scopes, family.Grant)
	if err == nil && family.UserID == "" {
		scopes, err = h.stillRegistered(scopes, client)
	}
	if err != nil {
		return authorization{}, err
	}
	return authorization{
		client: client, subject: cmp.Or(family.UserID, client.ID), ownBehalf: family.UserID == "", accountID: family.AccountID, grantID: family.Grant.ID, familyID: family.ID,
		scopes: scopes, resources: family.Binding.Resources, authTime: family.Binding.AuthTime, amr: family.Binding.AMR,
		sessionID: family.Binding.SessionID, refreshGeneration: generation + 1, now: now, family: family, rotates: rotates,
	}, nil
}

func unknownRefreshToken() error {
	return oauth.InvalidGrant("this refresh token was not issued here, or long ago; start the authorization again").With(oauth.ReasonUnknown)
}

func (h *Handler) checkFamily(family *store.Family, client *store.Client, now micros.Time) error {
	switch {
	case family.ClientID != client.ID:
		return oauth.InvalidGrant("this refresh token was issued to another client").With(oauth.ReasonWrongClient)
	case !family.Grant.RevokedAt.Never():
		return ended(family.Grant.RevokeReason)
	case !family.RevokedAt.Never():
		return ended(family.RevokeReason)
	case !family.UserSuspendedAt.Never():
		return ended(oauth.ReasonUserSuspended)
	case family.EndsAt(h.Issuer.Lifetimes.RefreshToken) <= now:
		return oauth.InvalidGrant("this refresh token was not used for %s and has expired; start the authorization again",
			spoken(h.Issuer.Lifetimes.RefreshToken)).With(oauth.ReasonExpired)
	}
	return nil
}

// place tells where a refresh token stands in its family. The current one rotates, and so does one that is ahead of it: we made it, and it
// left only after its rotation was durable, so the database has lost that rotation (a restored backup, a failover to a standby that was
// behind). The one before the current, within the grace time, gets the same successor again: the answer was lost, or a second tab was as
// fast. Any older one was copied, and nobody can tell which holder is the thief, so the family ends (OAuth 2.1 §4.3.1).
func (h *Handler) place(ctx context.Context, family *store.Family, generation int64, now micros.Time) (rotates bool, err error) {
	switch {
	case generation > family.Generation:
		reqlog.From(ctx).Err = fmt.Errorf("the database is %s behind this refresh token: a restored backup, or a standby that was behind, has lost them",
			plural(generation-family.Generation, "rotation"))
		return true, nil
	case generation == family.Generation:
		return true, nil
	case generation == family.Generation-1 && now <= family.RotatedAt.Add(h.Issuer.Lifetimes.RefreshGrace):
		return false, nil
	}
	err = h.endFamily(ctx, family.ID, store.Event{
		Issuer: h.Issuer.Name, Type: store.EventRefreshTokenReused, UserID: family.UserID, AccountID: family.AccountID,
		ClientID: family.ClientID, GrantID: family.Grant.ID,
	})
	if err != nil {
		return false, err
	}
	return false, oauth.InvalidGrant("this refresh token was used before; all tokens of its authorization are revoked now, so start the authorization again").
		With(oauth.ReasonReused)
}

// rotateRefreshToken moves the family on. Whoever comes second finds it moved and gets the same successor.
func (h *Handler) rotateRefreshToken(ctx context.Context, a authorization) error {
	if !a.rotates {
		return nil
	}
	expiresAt := movedEnd(a.family.ExpiresAt, a.now, h.Issuer.Lifetimes.RefreshToken)
	return overtaken(h.Store.Decide(ctx, func(tx *store.Tx) error {
		return tx.RotateRefreshToken(a.familyID, a.family.Generation, a.refreshGeneration, expiresAt)
	}))
}

// movedEnd is a family's new end in the database, never when the present one is late enough. It is moved once a day rather than at each
// rotation, because it has an index: a token that is used every hour then costs half as many pages written.
func movedEnd(end, now micros.Time, unused time.Duration) micros.Time {
	least := now.Add(unused)
	if end >= least {
		return 0
	}
	return least.Add(min(24*time.Hour, unused/10))
}

// ended says why a connection or an authorization no longer holds, and what to do.
func ended(reason string) error {
	switch reason {
	case oauth.ReasonRevokedByUser:
		return oauth.InvalidGrant("the user disconnected this app; ask them to connect it again").With(reason)
	case oauth.ReasonReused:
		return oauth.InvalidGrant("a code or refresh token of this authorization was used twice, so it was revoked; start the authorization again").With(reason)
	case oauth.ReasonMemberRemoved:
		return oauth.InvalidGrant("the user no longer belongs to the account; somebody who does must connect the app again").With(reason)
	case oauth.ReasonUserSuspended:
		return oauth.InvalidGrant("the user is suspended; ask the platform why").With(reason)
	case "":
		reason = oauth.ReasonRevoked
	}
	return oauth.InvalidGrant("this authorization was revoked; start the authorization again").With(reason)
}

func plural(n int64, unit string) string {
	if n == 1 {
		return "1 " + unit
	}
	return strconv.FormatInt(n, 10) + " " + unit + "s"
}
