package bearer

import (
	"context"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/json"
)

// algorithms are the signatures accepted: asymmetric only, so that a published key can never be taken for a shared
// secret, and never none (RFC 8725 §3.1, RFC 9068 §4).
var algorithms = []jose.SignatureAlgorithm{jose.RS256, jose.ES256, jose.EdDSA}

// verifyJWT checks a JWT access token in the order of RFC 9068 §4.
func (g *Guard) verifyJWT(ctx context.Context, raw string) (*Token, error) {
	jws, err := jose.ParseSignedCompact(raw, algorithms)
	if err != nil {
		return nil, invalidToken("The access token is not a JWT with an RS256, ES256 or EdDSA signature.")
	}
	header := jws.Signatures[0].Protected
	if err := checkHeader(header); err != nil {
		return nil, err
	}
	key, err := g.keyFor(ctx, header)
	if err != nil {
		return nil, err
	}
	payload, err := jws.Verify(key)
	if err != nil {
		return nil, invalidToken("The access token's signature is wrong.")
	}
	return g.checkJWTClaims(payload)
}

func checkHeader(header jose.Header) error {
	// RFC 9068 §4: this is what keeps an ID Token, signed by the same keys, from being used as an access token.
	typ, _ := header.ExtraHeaders[jose.HeaderType].(string)
	typ = strings.TrimPrefix(strings.ToLower(typ), "application/")
	if typ != "at+jwt" {
		return invalidToken("This JWT is not an access token: its typ is not at+jwt.")
	}
	// RFC 7515 §4.1.11: an extension marked critical that is not understood is refused, and none is understood here.
	if _, ok := header.ExtraHeaders["crit"]; ok {
		return invalidToken("The access token uses a JWS extension that is not understood.")
	}
	return nil
}

func (g *Guard) checkJWTClaims(payload []byte) (*Token, error) {
	var c claims
	if err := json.Unmarshal(payload, &c); err != nil {
		return nil, invalidToken("The access token's claims are malformed.")
	}
	switch {
	case c.Issuer != g.cfg.Issuer:
		return nil, invalidToken("The access token is from another issuer.")
	case !slices.Contains(c.Audience, g.cfg.Audience):
		return nil, invalidToken("The access token is meant for another audience than this API.")
	case c.Expiry == 0 || c.Subject == "" || c.ClientID == "": // RFC 9068 §2.2, those a decision may rest on
		return nil, invalidToken("The access token lacks exp, sub or client_id.")
	}
	if err := c.checkTimes(g.cfg.Now(), g.cfg.Leeway); err != nil {
		return nil, err
	}
	if err := c.checkBinding(); err != nil {
		return nil, err
	}
	return c.token(payload), nil
}
