package authorize

import (
	"context"
	"errors"
	"strings"

	"golang.org/x/text/language"

	"latchkey.dev/internal/mint"
	"latchkey.dev/internal/oauth"
)

// checkIDTokenHint: the token must be ours and this client's, though it may have expired. To read another client's would tell
// this one who its subject is. One that cannot be read is refused, not ignored: the app would be answered with whoever is signed in.
func (h *Handler) checkIDTokenHint(ctx context.Context, p *proven) error {
	if p.request.IDTokenHint == "" {
		return nil
	}
	claims, err := h.Mint.ReadIDTokenHint(ctx, p.request.IDTokenHint)
	if errors.Is(err, mint.ErrUnreadable) {
		return oauth.InvalidRequest("id_token_hint is not an ID Token of this issuer, or older than its keys; leave it out")
	}
	if err != nil {
		return err
	}
	if !claims.Audience.Has(p.client.ID) {
		return oauth.InvalidRequest("id_token_hint was issued to another client")
	}
	p.checked.HintSubject, p.checked.HintAccount = claims.Subject, claims.AccountID
	return nil
}

// longestHint is an e-mail address's bound (RFC 5321 §4.5.3.1.3).
const longestHint = 254

// readLoginHint takes it for the sign-in page's field. It is a hint: one that cannot be an address is ignored.
func (h *Handler) readLoginHint(_ context.Context, p *proven) error {
	if hint := p.request.LoginHint; len(hint) <= longestHint {
		p.checked.LoginHint = hint
	}
	return nil
}

// mostLocales bounds ui_locales: nobody's preferences are longer.
const mostLocales = 8

// readUILocales keeps the tags that are language tags (BCP 47). What is not supported, or not one, is no error.
func (h *Handler) readUILocales(_ context.Context, p *proven) error {
	var tags []string
	for tag := range strings.FieldsSeq(p.request.UILocales) {
		if len(tags) == mostLocales {
			break
		}
		if parsed, err := language.Parse(tag); err == nil && len(tag) <= 35 {
			tags = append(tags, parsed.String())
		}
	}
	p.checked.UILocales = strings.Join(tags, " ")
	return nil
}
