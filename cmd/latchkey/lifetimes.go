package main

import (
	"time"

	"latchkey.dev/internal/issuer"
)

// lifetimeNames are the keys of `issuers[].lifetimes`, in the configuration's order.
var lifetimeNames = []string{"code", "access_token", "id_token", "refresh_token", "refresh_grace", "session", "interaction", "email_code", "invitation", "device", "registration"}

func lifetime(l issuer.Lifetimes, name string) time.Duration {
	return map[string]time.Duration{
		"code": l.Code, "access_token": l.AccessToken, "id_token": l.IDToken, "refresh_token": l.RefreshToken, "refresh_grace": l.RefreshGrace,
		"session": l.Session, "interaction": l.Interaction, "email_code": l.EmailCode, "invitation": l.Invitation,
		"device": l.Device, "registration": l.Registration,
	}[name]
}
