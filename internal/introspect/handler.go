package introspect

import (
	"context"
	"errors"

	"latchkey.dev/internal/client"
	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/jsonappend"
	"latchkey.dev/internal/lastuse"
	"latchkey.dev/internal/micros"
	"latchkey.dev/internal/mint"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/oidc"
	"latchkey.dev/internal/reqlog"
	"latchkey.dev/internal/store"
)

// Config is what the introspection endpoint of one issuer works with.
type Config struct {
	Issuer  *issuer.Issuer
	Store   *store.Store
	Clients *client.Registry
	Mint    *mint.Mint
	LastUse *lastuse.Recorder
}

// Handler is the introspection endpoint. It is safe for concurrent use.
type Handler struct{ Config }

// New returns the introspection endpoint of an issuer.
func New(config Config) *Handler { return &Handler{config} }

// Request is an introspection request (RFC 7662 §2.1). token_type_hint is not needed: our tokens tell their kind.
type Request struct {
	Client client.Credentials
	Token  string
}

// Response is RFC 7662 §2.2. Of an inactive token nothing is said but that.
type Response struct {
	Active    bool          `json:"active"`
	Scope     string        `json:"scope,omitempty"` // what a person allows now, which may be less than when it was issued
	ClientID  string        `json:"client_id,omitempty"`
	TokenType string        `json:"token_type,omitempty"` // of an access token only
	ExpiresAt int64         `json:"exp,omitempty"`        // Unix seconds
	IssuedAt  int64         `json:"iat,omitempty"`        // Unix seconds
	Subject   string        `json:"sub,omitempty"`
	Audience  oidc.Audience `json:"aud,omitempty"`
	Issuer    string        `json:"iss,omitempty"`
	JTI       string        `json:"jti,omitempty"`
	// AccountID and GrantID are ours: whom the token acts for, and the connection it hangs on.
	AccountID string `json:"account_id,omitempty"`
	GrantID   string `json:"grant_id,omitempty"`
}

// AppendJSON appends what encoding/json makes of the answer.
func (r *Response) AppendJSON(b []byte) []byte {
	b = jsonappend.Bool(append(b, '{'), "active", r.Active)
	b = jsonappend.OptText(b, "scope", r.Scope)
	b = jsonappend.OptText(b, "client_id", r.ClientID)
	b = jsonappend.OptText(b, "token_type", r.TokenType)
	b = jsonappend.OptNumber(b, "exp", r.ExpiresAt)
	b = jsonappend.OptNumber(b, "iat", r.IssuedAt)
	b = jsonappend.OptText(b, "sub", r.Subject)
	b = jsonappend.OptTextOrTexts(b, "aud", r.Audience)
	b = jsonappend.OptText(b, "iss", r.Issuer)
	b = jsonappend.OptText(b, "jti", r.JTI)
	b = jsonappend.OptText(b, "account_id", r.AccountID)
	b = jsonappend.OptText(b, "grant_id", r.GrantID)
	return append(b, '}')
}

// Introspect says what a token is worth to the client that asks. Errors are *oauth.Error, or trouble with the database.
func (h *Handler) Introspect(ctx context.Context, request Request) (Response, error) {
	caller, err := h.Clients.Authenticate(ctx, request.Client)
	if err != nil {
		return Response{}, err
	}
	if caller.Public() { // RFC 7662 §2.1: the endpoint must know who asks, or tokens could be guessed at it
		return Response{}, oauth.InvalidClient("introspection is only for clients with a secret").With(oauth.ReasonWrongAuthMethod)
	}
	if request.Token == "" {
		return Response{}, oauth.InvalidRequest("token is missing")
	}
	response, ended, err := h.look(ctx, caller, request.Token)
	if ended != "" { // the log learns why; the caller only that it is inactive
		reqlog.From(ctx).Reason = ended
		return Response{}, nil
	}
	return response, err
}

// look returns what a token is worth, or the reason why it is worth nothing.
func (h *Handler) look(ctx context.Context, caller *store.Client, token string) (response Response, ended string, err error) {
	if familyID, generation, ok := h.Mint.ReadRefreshToken(token); ok {
		return h.refreshToken(ctx, caller, familyID, generation)
	}
	access, err := h.Mint.ReadAccessToken(ctx, token)
	if errors.Is(err, mint.ErrUnreadable) {
		return Response{}, oauth.ReasonUnknown, nil
	}
	if err != nil {
		return Response{}, "", err
	}
	return h.accessToken(ctx, caller, access)
}

// mayAsk: a client may ask about its own tokens, and an API that the platform registered as one about all.
func mayAsk(caller *store.Client, clientID string) bool {
	return caller.ID == clientID || caller.Metadata.Introspects
}

func (h *Handler) accessToken(ctx context.Context, caller *store.Client, access mint.Access) (response Response, ended string, err error) {
	if !mayAsk(caller, access.ClientID) {
		return Response{}, oauth.ReasonWrongClient, nil
	}
	if access.ExpiresAt <= h.Store.Now() {
		return Response{}, oauth.ReasonExpired, nil
	}
	state, err := h.state(ctx, store.TokenRef{
		Issuer: h.Issuer.Name, JTI: access.JTI, FamilyID: access.FamilyID, ClientID: access.ClientID, IssuedAt: access.IssuedAt,
	})
	if err != nil || state.Ended != "" {
		return Response{}, state.Ended, err
	}
	scopes := effective(access, state)
	if len(scopes) == 0 && len(access.Scopes) > 0 {
		return Response{}, oauth.ReasonRevokedByUser, nil
	}
	scopes, ended, err = h.withinRole(ctx, scopes, access.AccountID, access.UserID())
	if err != nil || ended != "" {
		return Response{}, ended, err
	}
	note(ctx, access.GrantID, access.UserID())
	h.LastUse.Touch(access.GrantID)
	return Response{
		Active: true, Scope: scopes.String(), ClientID: access.ClientID, TokenType: oauth.TokenTypeBearer,
		ExpiresAt: access.ExpiresAt.Unix(), IssuedAt: access.IssuedAt.Unix(), Subject: access.Subject, Audience: access.Audience,
		Issuer: h.Issuer.URL, JTI: access.JTI, AccountID: access.AccountID, GrantID: access.GrantID,
	}, "", nil
}

// state reads whether a token holds. One whose rows are gone has ended, too.
func (h *Handler) state(ctx context.Context, ref store.TokenRef) (store.TokenState, error) {
	state, err := h.Store.TokenState(ctx, ref)
	if errors.Is(err, store.ErrNotFound) {
		return store.TokenState{Ended: oauth.ReasonUnknown}, nil
	}
	return state, err
}

// effective is what the token allows now: what it was issued with, less what the user has taken back since.
func effective(access mint.Access, state store.TokenState) oauth.ScopeSet {
	if access.FamilyID == "" {
		return access.Scopes
	}
	return access.Scopes.Intersect(state.GrantScopes)
}

// withinRole keeps of the scopes what the person's role may give now, where the issuer asks for that, or says why nothing is left.
func (h *Handler) withinRole(ctx context.Context, scopes oauth.ScopeSet, accountID, userID string) (kept oauth.ScopeSet, ended string, err error) {
	if !h.Issuer.Policy.RoleScopes || userID == "" {
		return scopes, "", nil
	}
	member, err := h.Store.Member(ctx, h.Issuer.Name, accountID, userID)
	if errors.Is(err, store.ErrNotFound) {
		return nil, oauth.ReasonMemberRemoved, nil
	}
	if err != nil {
		return nil, "", err
	}
	if kept = h.Issuer.Scopes.Grantable(scopes, member.Role); len(kept) == 0 {
		return nil, oauth.ReasonRoleChanged, nil
	}
	return kept, "", nil
}

func note(ctx context.Context, grantID, userID string) {
	if grantID == "" {
		return
	}
	record := reqlog.From(ctx)
	record.Grant, record.User = grantID, userID
}

// refreshToken: of a family, only what the token endpoint would rotate is active.
func (h *Handler) refreshToken(ctx context.Context, caller *store.Client, familyID string, generation int64) (response Response, ended string, err error) {
	family, err := h.Store.Family(ctx, h.Issuer.Name, familyID)
	if errors.Is(err, store.ErrNotFound) {
		return Response{}, oauth.ReasonUnknown, nil
	}
	if err != nil {
		return Response{}, "", err
	}
	now := h.Store.Now()
	switch {
	case !mayAsk(caller, family.ClientID):
		return Response{}, oauth.ReasonWrongClient, nil
	case family.EndsAt(h.Issuer.Lifetimes.RefreshToken) <= now:
		return Response{}, oauth.ReasonExpired, nil
	case generation < family.Generation:
		return Response{}, oauth.ReasonReused, nil
	}
	state, err := h.state(ctx, store.TokenRef{Issuer: h.Issuer.Name, FamilyID: familyID, ClientID: family.ClientID, IssuedAt: now})
	if err != nil || state.Ended != "" {
		return Response{}, state.Ended, err
	}
	scopes := family.Scopes.Intersect(state.GrantScopes)
	if len(scopes) == 0 {
		return Response{}, oauth.ReasonRevokedByUser, nil
	}
	scopes, ended, err = h.withinRole(ctx, scopes, family.AccountID, family.UserID)
	if err != nil || ended != "" {
		return Response{}, ended, err
	}
	note(ctx, family.Grant.ID, family.UserID)
	return h.describeFamily(family, scopes), "", nil
}

func (h *Handler) describeFamily(family store.Family, scopes oauth.ScopeSet) Response {
	return Response{
		Active: true, Scope: scopes.String(), ClientID: family.ClientID,
		ExpiresAt: family.EndsAt(h.Issuer.Lifetimes.RefreshToken).Unix(), IssuedAt: issuedAt(family).Unix(), Subject: family.UserID, Issuer: h.Issuer.URL,
		AccountID: family.AccountID, GrantID: family.Grant.ID,
	}
}

func issuedAt(family store.Family) micros.Time { return max(family.RotatedAt, family.CreatedAt) }
