package token

import (
	"context"
	"errors"
	"slices"

	"latchkey.dev/internal/client"
	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/lastuse"
	"latchkey.dev/internal/mint"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/reqlog"
	"latchkey.dev/internal/serviceaccount"
	"latchkey.dev/internal/store"
)

// Config is what the token endpoint of one issuer works with.
type Config struct {
	Issuer  *issuer.Issuer
	Store   *store.Store
	Clients *client.Registry
	Mint    *mint.Mint
	LastUse *lastuse.Recorder
	// ServiceAccounts serves the JWT bearer grant; nil serves none.
	ServiceAccounts *serviceaccount.Service
}

// Handler is the token endpoint. It is safe for concurrent use.
type Handler struct {
	Config

	grantTypes map[oauth.GrantType]grantType
}

// New returns the token endpoint of an issuer.
func New(config Config) *Handler {
	h := &Handler{Config: config}
	h.grantTypes = map[oauth.GrantType]grantType{
		oauth.GrantAuthorizationCode: {load: h.loadCode, write: h.redeemCode},
		oauth.GrantRefreshToken:      {load: h.loadRefreshToken, write: h.rotateRefreshToken, narrowsScope: true},
		oauth.GrantClientCredentials: {load: h.loadClient, write: h.writeOwnFamily, narrowsScope: true},
	}
	if config.Issuer.Policy.Device {
		h.grantTypes[oauth.GrantDeviceCode] = grantType{load: h.loadDeviceCode, write: h.redeemDeviceCode}
	}
	if config.ServiceAccounts != nil {
		h.grantTypes[oauth.GrantJWTBearer] = grantType{prove: h.proveAssertion, load: h.loadAssertion, write: h.spendAssertion, narrowsScope: true}
	}
	return h
}

// grantType is what one grant type does differently from the others.
type grantType struct {
	// prove replaces the client's own authentication where what is presented proves who asks (RFC 7521 §4.1); nil leaves it.
	prove func(context.Context, *Request) (*store.Client, error)
	// load finds what was authorized, checks that it is the client's and still holds, and says what the tokens may carry.
	load func(context.Context, *store.Client, Request) (authorization, error)
	// write spends it, durably. errOvertaken says that another request was faster, so that what was loaded is no longer so.
	write func(context.Context, authorization) error
	// narrowsScope lets the request's scope ask for less than was authorized.
	narrowsScope bool
}

// errOvertaken sends a request back to load, where it learns what the faster one left.
var errOvertaken = errors.New("token: overtaken by another request")

// attempts bounds how often a request is overtaken. One that repeats a refresh token finds its successor the second time.
const attempts = 8

// Token answers a token request (RFC 6749 §3.2). Errors are *oauth.Error, or trouble with the database as it came.
func (h *Handler) Token(ctx context.Context, request Request) (Response, error) {
	if request.GrantType == "" {
		return Response{}, oauth.InvalidRequest("grant_type is missing")
	}
	kind, served := h.grantTypes[request.GrantType]
	if !served {
		return Response{}, oauth.UnsupportedGrantType("this grant_type is not served here; grant_types_supported in the metadata lists those that are")
	}
	client, err := h.authenticate(ctx, kind, &request)
	if err != nil {
		return Response{}, err
	}
	if !slices.Contains(client.Metadata.GrantTypes, request.GrantType) { // RFC 6749 §5.2
		return Response{}, oauth.UnauthorizedClient("this client is not registered for the grant type %s", request.GrantType)
	}
	for range attempts {
		response, err := h.grant(ctx, kind, client, request)
		if !errors.Is(err, errOvertaken) {
			return response, err
		}
	}
	return Response{}, oauth.TemporarilyUnavailable("too many requests presented this at once; try again")
}

// authenticate proves who asks. Where the issuer asks for a service account's session too, it must be the client's owner's: a
// secret that leaked is then not enough.
func (h *Handler) authenticate(ctx context.Context, kind grantType, request *Request) (*store.Client, error) {
	if kind.prove != nil {
		return kind.prove(ctx, request)
	}
	if h.Issuer.Policy.ServiceSession && request.Principal == nil {
		return nil, serviceaccount.SessionRequired()
	}
	client, err := h.authenticateClient(ctx, request)
	if err != nil || !h.Issuer.Policy.ServiceSession {
		return client, err
	}
	return client, serviceaccount.Own(request.Principal, client.AccountID)
}

// authenticateClient proves the client by its own credentials, or by its access token where the issuer takes that for a refresh.
func (h *Handler) authenticateClient(ctx context.Context, request *Request) (*store.Client, error) {
	if h.Issuer.Policy.RefreshByAccessToken && request.GrantType == oauth.GrantRefreshToken {
		switch {
		case request.AccessToken != "":
			return h.proveAccessToken(ctx, request)
		case request.Client.ID == "":
			return nil, oauth.InvalidClient("send the access token that this refresh token came with, even an expired one, as Bearer in the Authorization header").
				With(oauth.ReasonMissing)
		}
	}
	return h.Clients.Authenticate(ctx, request.Client)
}

// grant goes through the phases once: load and bind, narrow, issue, write. Tokens are made before anything is spent, so that
// signing is outside the transaction and its failure costs the client nothing; they leave only after the write.
func (h *Handler) grant(ctx context.Context, kind grantType, client *store.Client, request Request) (Response, error) {
	authorized, err := kind.load(ctx, client, request)
	if err != nil {
		return Response{}, err
	}
	note(ctx, authorized)
	if err := h.checkAccount(request, &authorized); err != nil {
		return Response{}, err
	}
	if authorized.scopes, err = h.withinRole(ctx, &authorized); err != nil {
		return Response{}, err
	}
	if kind.narrowsScope {
		if authorized.scopes, err = h.narrowScope(authorized.scopes, request.Scope); err != nil {
			return Response{}, err
		}
	}
	if authorized.audience, err = h.narrowAudience(authorized.resources, request.Resources); err != nil {
		return Response{}, err
	}
	response, err := h.issue(ctx, authorized)
	if err != nil {
		return Response{}, err
	}
	if err := kind.write(ctx, authorized); err != nil {
		return Response{}, err
	}
	h.LastUse.Touch(authorized.grantID)
	return response, nil
}

func note(ctx context.Context, authorized authorization) {
	record := reqlog.From(ctx)
	record.Grant = authorized.grantID
	if authorized.grantID != "" && !authorized.ownBehalf {
		record.User = authorized.subject
	}
}

// narrowScope: a request may ask for less than was authorized, never for more (RFC 6749 §6).
func (h *Handler) narrowScope(authorized oauth.ScopeSet, requested string) (oauth.ScopeSet, error) {
	scopes, err := oauth.ParseScope(requested)
	if err != nil || len(scopes) == 0 {
		return authorized, err
	}
	if kept := scopes.Intersect(authorized); h.Issuer.Policy.DropScopes && len(kept) > 0 {
		return kept, nil
	}
	if wider := scopes.Minus(authorized); len(wider) > 0 {
		return nil, oauth.InvalidScope("scope may be at most what was authorized: %s; leave out %s", authorized, wider)
	}
	return scopes, nil
}

// narrowAudience: a token is for some of the resources that were authorized (RFC 8707 §2.2). Where none was named, it is for
// the issuer's default.
func (h *Handler) narrowAudience(authorized, requested []string) ([]string, error) {
	if len(authorized) == 0 {
		authorized = []string{h.defaultAudience()}
	}
	if len(requested) == 0 {
		return authorized, nil
	}
	audience := make([]string, len(requested))
	for n, resource := range requested {
		if audience[n] = resource; !slices.Contains(authorized, resource) {
			audience[n], _ = h.Issuer.Resource(resource)
		}
		if !slices.Contains(authorized, audience[n]) {
			return nil, oauth.InvalidTarget("the resource %s was not authorized", resource)
		}
	}
	slices.Sort(audience)
	return slices.Compact(audience), nil
}

func (h *Handler) defaultAudience() string {
	if h.Issuer.Audience != "" {
		return h.Issuer.Audience
	}
	return h.Issuer.URL
}
