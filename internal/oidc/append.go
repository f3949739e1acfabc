package oidc

import (
	"encoding/json"
	"strconv"
)

// AppendJSON appends what json.Marshal makes of the claims. They are written with every token, and this way in a fraction of the time.
func (c *AccessTokenClaims) AppendJSON(b []byte) []byte {
	b = appendText(append(b, `{"iss":`...), c.Issuer)
	b = appendText(append(b, `,"sub":`...), c.Subject)
	b = append(b, `,"aud":`...)
	if len(c.Audience) == 1 {
		b = appendText(b, c.Audience[0])
	} else {
		b = appendMarshaled(b, []string(c.Audience))
	}
	b = strconv.AppendInt(append(b, `,"exp":`...), c.Expiry, 10)
	b = strconv.AppendInt(append(b, `,"iat":`...), c.IssuedAt, 10)
	b = appendText(append(b, `,"jti":`...), c.JTI)
	b = appendText(append(b, `,"client_id":`...), c.ClientID)
	b = appendUnlessEmpty(b, `,"scope":`, c.Scope)
	if c.AuthTime != 0 {
		b = strconv.AppendInt(append(b, `,"auth_time":`...), c.AuthTime, 10)
	}
	b = appendUnlessEmpty(b, `,"acr":`, c.ACR)
	if len(c.AMR) > 0 {
		b = appendMarshaled(append(b, `,"amr":`...), c.AMR)
	}
	b = appendUnlessEmpty(b, `,"grant_id":`, c.GrantID)
	b = appendUnlessEmpty(b, `,"family_id":`, c.FamilyID)
	b = appendUnlessEmpty(b, `,"account_id":`, c.AccountID)
	return append(b, '}')
}

func appendUnlessEmpty(b []byte, name, text string) []byte {
	if text == "" {
		return b
	}
	return appendText(append(b, name...), text)
}

// appendText leaves to encoding/json what it would escape.
func appendText(b []byte, text string) []byte {
	for i := range len(text) {
		switch c := text[i]; {
		case c < ' ', c > '~', c == '"', c == '\\', c == '<', c == '>', c == '&':
			return appendMarshaled(b, text)
		}
	}
	return append(append(append(b, '"'), text...), '"')
}

func appendMarshaled[T string | []string](b []byte, value T) []byte {
	encoded, err := json.Marshal(value)
	if err != nil {
		panic("oidc: " + err.Error()) // encoding/json never refuses a text
	}
	return append(b, encoded...)
}
