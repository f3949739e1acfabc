package mint

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/jwk"
	"latchkey.dev/internal/micros"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/oidc"
	"latchkey.dev/internal/seal"
	"latchkey.dev/internal/signing"
)

// ErrUnreadable says that a token was not made by this issuer, or was damaged.
var ErrUnreadable = errors.New("mint: not a token of this issuer")

// maxToken bounds what is looked at, in bytes; the longest honest token is a JWT with a hundred scopes.
const maxToken = 16 << 10

// jtiBytes of randomness never come twice.
const jtiBytes = 16

// Config says for whom tokens are made.
type Config struct {
	Issuer  *issuer.Issuer
	Keyring *seal.Keyring
	Keys    *signing.Keys
	Rand    io.Reader
	// Expired takes a token for one that has expired, by its jti: a sandbox's fault. nil takes none.
	Expired func(jti string) bool
}

// Mint makes one issuer's tokens. It is safe for concurrent use.
type Mint struct {
	Config

	owner []byte // binds what is sealed to the issuer
}

// New returns the issuer's mint.
func New(config Config) *Mint {
	return &Mint{Config: config, owner: []byte(config.Issuer.Name)}
}

// Access is what an access token says.
type Access struct {
	// JTI names the token; AccessToken makes one when it is empty.
	JTI string
	// Subject is the user, or the client itself where no user is behind the token (RFC 9068 §2.2).
	Subject  string
	ClientID string
	// AccountID is what the user acts for; GrantID and FamilyID are what the token hangs on. All are empty for a client's own token.
	AccountID, GrantID, FamilyID string
	Scopes                       oauth.ScopeSet
	Audience                     []string
	IssuedAt, ExpiresAt          micros.Time
	AuthTime                     micros.Time // when the user signed in
	ACR                          string
	AMR                          []string
}

// UserID is the person behind a token; "" when there is none. A client's own token may hang on a connection, too: the client's.
func (a *Access) UserID() string {
	if a.GrantID == "" || a.Subject == a.ClientID {
		return ""
	}
	return a.Subject
}

// AccessToken makes a token in the issuer's format.
func (m *Mint) AccessToken(ctx context.Context, access Access) (string, error) {
	if access.JTI == "" {
		jti, err := m.jti()
		if err != nil {
			return "", err
		}
		access.JTI = jti
	}
	if m.Issuer.AccessToken.Kind == issuer.JWT {
		return m.sign(ctx, m.Issuer.AccessToken.Alg, jwk.TypAccessToken, m.claims(access))
	}
	return m.sealed(access), nil
}

// ReadAccessToken returns what a token of either format says, whichever the issuer makes now. The error is ErrUnreadable, or
// the database's when signing keys had to be loaded. The caller checks expiry and revocation.
func (m *Mint) ReadAccessToken(ctx context.Context, token string) (Access, error) {
	access, err := m.read(ctx, token)
	if err == nil && m.Expired != nil && m.Expired(access.JTI) {
		access.ExpiresAt = access.IssuedAt
	}
	return access, err
}

// GoodUntil is when an access token is of no use any more. Where it proves the client of a refresh, even expired, that is when the refresh
// token that came with it has been unused for too long.
func (m *Mint) GoodUntil(access Access) micros.Time {
	if !m.Issuer.Policy.RefreshByAccessToken || access.FamilyID == "" {
		return access.ExpiresAt
	}
	return max(access.ExpiresAt, access.IssuedAt.Add(m.Issuer.Lifetimes.RefreshToken))
}

func (m *Mint) read(ctx context.Context, token string) (Access, error) {
	switch {
	case len(token) > maxToken:
		return Access{}, ErrUnreadable
	case strings.Count(token, ".") == 2:
		return m.verified(ctx, token)
	default:
		return m.opened(token)
	}
}

func (m *Mint) jti() (string, error) {
	var random [jtiBytes]byte
	if _, err := io.ReadFull(m.Rand, random[:]); err != nil {
		return "", fmt.Errorf("mint: no randomness: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(random[:]), nil
}

func (m *Mint) sign(ctx context.Context, alg jwk.Alg, typ string, claims any) (string, error) {
	keys, err := m.Keys.Set(ctx)
	if err != nil {
		return "", err
	}
	return keys.Sign(alg, typ, claims)
}

// claims is RFC 9068 §2.2, with what the token hangs on.
func (m *Mint) claims(access Access) *oidc.AccessTokenClaims {
	return &oidc.AccessTokenClaims{
		Issuer: m.Issuer.URL, Subject: access.Subject, Audience: access.Audience, Expiry: access.ExpiresAt.Unix(),
		IssuedAt: access.IssuedAt.Unix(), JTI: access.JTI, ClientID: access.ClientID, Scope: access.Scopes.String(),
		AuthTime: access.AuthTime.Unix(), ACR: access.ACR, AMR: access.AMR,
		GrantID: access.GrantID, FamilyID: access.FamilyID, AccountID: access.AccountID,
	}
}

func (m *Mint) verified(ctx context.Context, token string) (Access, error) {
	var claims oidc.AccessTokenClaims
	if err := m.verify(ctx, token, jwk.TypAccessToken, &claims); err != nil {
		return Access{}, err
	}
	scopes, err := oauth.ParseScope(claims.Scope)
	if err != nil || claims.Issuer != m.Issuer.URL {
		return Access{}, ErrUnreadable
	}
	return Access{
		JTI: claims.JTI, Subject: claims.Subject, ClientID: claims.ClientID, AccountID: claims.AccountID, GrantID: claims.GrantID,
		FamilyID: claims.FamilyID, Scopes: scopes, Audience: claims.Audience, IssuedAt: seconds(claims.IssuedAt),
		ExpiresAt: seconds(claims.Expiry), AuthTime: seconds(claims.AuthTime), ACR: claims.ACR, AMR: claims.AMR,
	}, nil
}

func seconds(unix int64) micros.Time { return micros.Time(unix * 1e6) }

// verify reads the claims of a JWT that one of our keys signed, be it next, current or previous.
func (m *Mint) verify(ctx context.Context, token, typ string, claims any) error {
	keys, err := m.Keys.Set(ctx)
	if err != nil {
		return err
	}
	payload, err := keys.Verify(token, typ)
	if err != nil || json.Unmarshal(payload, claims) != nil {
		return ErrUnreadable
	}
	return nil
}

// IDToken signs an ID Token (OpenID Connect Core §2).
func (m *Mint) IDToken(ctx context.Context, alg jwk.Alg, claims oidc.IDTokenClaims) (string, error) {
	return m.sign(ctx, alg, jwk.TypJWT, &claims)
}

// ReadIDTokenHint returns the claims of an ID Token that this issuer made, whether or not it has expired: a hint says who was
// signed in (OpenID Connect Core §3.1.2.1). The error is ErrUnreadable, or the database's.
func (m *Mint) ReadIDTokenHint(ctx context.Context, token string) (oidc.IDTokenClaims, error) {
	var claims oidc.IDTokenClaims
	if err := m.verify(ctx, token, jwk.TypJWT, &claims); err != nil {
		return oidc.IDTokenClaims{}, err
	}
	if claims.Issuer != m.Issuer.URL {
		return oidc.IDTokenClaims{}, ErrUnreadable
	}
	return claims, nil
}
