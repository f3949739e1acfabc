package oidc

import "latchkey.dev/internal/jsonappend"

// AppendJSON appends what encoding/json makes of the claims.
func (c *AccessTokenClaims) AppendJSON(b []byte) []byte {
	b = append(b, '{')
	b = jsonappend.Text(b, "iss", c.Issuer)
	b = jsonappend.Text(b, "sub", c.Subject)
	b = jsonappend.TextOrTexts(b, "aud", c.Audience)
	b = jsonappend.Number(b, "exp", c.Expiry)
	b = jsonappend.Number(b, "iat", c.IssuedAt)
	b = jsonappend.Text(b, "jti", c.JTI)
	b = jsonappend.Text(b, "client_id", c.ClientID)
	b = jsonappend.OptText(b, "scope", c.Scope)
	b = jsonappend.OptNumber(b, "auth_time", c.AuthTime)
	b = jsonappend.OptText(b, "acr", c.ACR)
	b = jsonappend.OptTexts(b, "amr", c.AMR)
	b = jsonappend.OptText(b, "grant_id", c.GrantID)
	b = jsonappend.OptText(b, "family_id", c.FamilyID)
	b = jsonappend.OptText(b, "account_id", c.AccountID)
	return append(b, '}')
}

// AppendJSON appends what encoding/json makes of the claims.
func (c *IDTokenClaims) AppendJSON(b []byte) []byte {
	b = append(b, '{')
	b = jsonappend.Text(b, "iss", c.Issuer)
	b = jsonappend.Text(b, "sub", c.Subject)
	b = jsonappend.TextOrTexts(b, "aud", c.Audience)
	b = jsonappend.Number(b, "exp", c.Expiry)
	b = jsonappend.Number(b, "iat", c.IssuedAt)
	b = jsonappend.OptNumber(b, "auth_time", c.AuthTime)
	b = jsonappend.OptText(b, "nonce", c.Nonce)
	b = jsonappend.OptText(b, "acr", c.ACR)
	b = jsonappend.OptTexts(b, "amr", c.AMR)
	b = jsonappend.OptText(b, "at_hash", c.ATHash)
	b = jsonappend.OptText(b, "sid", c.SID)
	b = jsonappend.OptText(b, "account_id", c.AccountID)
	return append(b, '}')
}

// AppendMembers appends what encoding/json makes of the claims, without the brackets, so that others can stand beside them.
func (c *UserClaims) AppendMembers(b []byte) []byte {
	b = jsonappend.Text(b, "sub", c.Subject)
	b = jsonappend.OptText(b, "name", c.Name)
	b = jsonappend.OptText(b, "locale", c.Locale)
	b = jsonappend.OptNumber(b, "updated_at", c.UpdatedAt)
	b = jsonappend.OptText(b, "email", c.Email)
	return jsonappend.OptBool(b, "email_verified", c.EmailVerified)
}
