package userinfo

import (
	"context"
	"errors"
	"slices"

	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/jsonappend"
	"latchkey.dev/internal/lastuse"
	"latchkey.dev/internal/mint"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/oidc"
	"latchkey.dev/internal/reqlog"
	"latchkey.dev/internal/store"
)

// Config is what the UserInfo endpoint of one issuer works with.
type Config struct {
	Issuer  *issuer.Issuer
	Store   *store.Store
	Mint    *mint.Mint
	LastUse *lastuse.Recorder
}

// Handler is the UserInfo endpoint. It is safe for concurrent use.
type Handler struct{ Config }

// New returns the UserInfo endpoint of an issuer.
func New(config Config) *Handler { return &Handler{config} }

// Request is a UserInfo request (OpenID Connect Core §5.3.1).
type Request struct {
	AccessToken string
}

// Response is OpenID Connect Core §5.3.2, with the account that the user acts for.
type Response struct {
	oidc.UserClaims

	AccountID string `json:"account_id,omitempty"`
}

// AppendJSON appends what encoding/json makes of the answer.
func (r *Response) AppendJSON(b []byte) []byte {
	b = r.AppendMembers(append(b, '{'))
	b = jsonappend.OptText(b, "account_id", r.AccountID)
	return append(b, '}')
}

// UserInfo returns the claims that the token opens. Errors are *oauth.Error, or trouble with the database.
func (h *Handler) UserInfo(ctx context.Context, request Request) (Response, error) {
	access, err := h.Mint.ReadAccessToken(ctx, request.AccessToken)
	if errors.Is(err, mint.ErrUnreadable) {
		return Response{}, ended(oauth.ReasonUnknown)
	}
	if err != nil {
		return Response{}, err
	}
	record := reqlog.From(ctx)
	record.Client, record.Grant = access.ClientID, access.GrantID
	if !h.meant(access) {
		return Response{}, oauth.InvalidToken("the access token is for another API; to use it here too, ask for the resource %s beside it", h.Issuer.Audience).
			With(oauth.ReasonWrongAudience)
	}
	if record.User = access.UserID(); record.User == "" {
		return Response{}, oauth.InsufficientScope("this token is the client's own; there is no user behind it").WithScope(needed())
	}
	user, scopes, err := h.person(ctx, access)
	if err != nil {
		return Response{}, err
	}
	if !scopes.Has(oidc.ScopeOpenID) {
		return Response{}, oauth.InsufficientScope("this needs an access token with the scope openid").WithScope(needed())
	}
	h.LastUse.Touch(access.GrantID)
	return Response{UserClaims: oidc.ClaimsFor(scopes, described(user)), AccountID: access.AccountID}, nil
}

// meant tells whether the token is for this issuer's own endpoints: its default audience is for them too. An API that was sent a token of
// its own must not learn with it who the person is (RFC 6750 §5.2, RFC 9068 §4).
func (h *Handler) meant(access mint.Access) bool {
	return slices.Contains(access.Audience, h.Issuer.Audience) || slices.Contains(access.Audience, h.Issuer.URL)
}

func needed() oauth.ScopeSet { return oauth.ScopeSet{oidc.ScopeOpenID} }

// person checks that the token holds, as every node sees it, and returns whom it is about and what it allows now.
func (h *Handler) person(ctx context.Context, access mint.Access) (store.Profile, oauth.ScopeSet, error) {
	if access.ExpiresAt <= h.Store.Now() {
		return store.Profile{}, nil, ended(oauth.ReasonExpired)
	}
	state, user, err := h.Store.UserOfToken(ctx, store.TokenRef{
		Issuer: h.Issuer.Name, JTI: access.JTI, FamilyID: access.FamilyID, ClientID: access.ClientID, IssuedAt: access.IssuedAt,
	})
	if errors.Is(err, store.ErrNotFound) {
		return store.Profile{}, nil, ended(oauth.ReasonUnknown)
	}
	if err != nil {
		return store.Profile{}, nil, err
	}
	if state.Ended != "" {
		return store.Profile{}, nil, ended(state.Ended)
	}
	scopes, err := h.withinRole(ctx, access, access.Scopes.Intersect(state.GrantScopes))
	return user, scopes, err
}

// withinRole keeps of the scopes what the person's role may give now, where the issuer asks for that. Only OpenID Connect's own scopes open
// anything here, and hardly a catalogue binds those to roles: the role is read where one does.
func (h *Handler) withinRole(ctx context.Context, access mint.Access, scopes oauth.ScopeSet) (oauth.ScopeSet, error) {
	bound := func(name string) bool {
		scope, _ := h.Issuer.Scopes.Find(name)
		return issuer.IsStandard(name) && len(scope.Roles) > 0
	}
	if !h.Issuer.Policy.RoleScopes || !slices.ContainsFunc(scopes, bound) {
		return scopes, nil
	}
	member, err := h.Store.Member(ctx, h.Issuer.Name, access.AccountID, access.Subject)
	if errors.Is(err, store.ErrNotFound) {
		return nil, ended(oauth.ReasonMemberRemoved)
	}
	if err != nil {
		return nil, err
	}
	return h.Issuer.Scopes.Grantable(scopes, member.Role), nil
}

// ended is RFC 6750 §3.1: expired, revoked, malformed or otherwise invalid.
func ended(reason string) error {
	switch reason {
	case oauth.ReasonExpired:
		return oauth.InvalidToken("the access token has expired; refresh it").With(reason)
	case oauth.ReasonUnknown:
		return oauth.InvalidToken("the access token was not issued here").With(reason)
	case oauth.ReasonRevokedByUser:
		return oauth.InvalidToken("the user disconnected this app; ask them to connect it again").With(reason)
	default:
		return oauth.InvalidToken("the access token was revoked").With(reason)
	}
}

func described(user store.Profile) oidc.Person {
	return oidc.Person{
		Subject: user.UserID, Name: user.Name, Locale: user.Locale, UpdatedAt: user.UpdatedAt.Unix(),
		Email: user.Email, EmailVerified: !user.EmailVerifiedAt.Never(),
	}
}
