package bearer

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Refusal says why a request was turned away. Its text is meant for the caller and never holds the token.
type Refusal struct {
	Status      int           // 400, 401, 403 or 503
	Code        string        // RFC 6750 §3.1; empty when no credentials were sent; temporarily_unavailable with 503
	Description string        // what happened and what to do, for developers
	Scope       string        // the scopes that are needed, with insufficient_scope
	RetryAfter  time.Duration // when to try again, with 503
	cause       error         // our own trouble, for the log
}

// Error is the code and the description.
func (e *Refusal) Error() string {
	if e.Code == "" {
		return e.Description
	}
	return e.Code + ": " + e.Description
}

// Unwrap returns the trouble with the authorization server behind a 503, and nil otherwise.
func (e *Refusal) Unwrap() error { return e.cause }

// missingToken carries no code: a request without credentials learns only what is asked for (RFC 6750 §3.1).
func missingToken() *Refusal {
	return &Refusal{
		Status:      http.StatusUnauthorized,
		Description: "This needs an access token. Send it in the Authorization header, as Bearer.",
	}
}

func invalidRequest(description string) *Refusal {
	return &Refusal{Status: http.StatusBadRequest, Code: "invalid_request", Description: description}
}

func invalidToken(description string) *Refusal {
	return &Refusal{Status: http.StatusUnauthorized, Code: "invalid_token", Description: description}
}

func insufficientScope(needed []string) *Refusal {
	scope := strings.Join(needed, " ")
	return &Refusal{
		Status:      http.StatusForbidden,
		Code:        "insufficient_scope",
		Description: "The access token was not granted what this needs: " + scope + ". Ask the user to connect again and allow it.",
		Scope:       scope,
	}
}

const defaultRetryAfter = 5 * time.Second

// unavailable is the answer to any trouble of ours: the caller's token may well be good.
func unavailable(cause error) *Refusal {
	retryAfter := defaultRetryAfter
	if status, ok := errors.AsType[*statusError](cause); ok && status.retryAfter > 0 {
		retryAfter = status.retryAfter
	}
	return &Refusal{
		Status:      http.StatusServiceUnavailable,
		Code:        "temporarily_unavailable",
		Description: "The access token cannot be checked just now. Keep it and try again shortly.",
		RetryAfter:  retryAfter,
		cause:       cause,
	}
}

func asRefusal(err error) *Refusal {
	if refusal, ok := errors.AsType[*Refusal](err); ok {
		return refusal
	}
	return unavailable(err)
}

func (g *Guard) refuse(w http.ResponseWriter, r *http.Request, refusal *Refusal, scopes []string) {
	header := w.Header()
	header.Set("Cache-Control", "no-store")
	if refusal.Status == http.StatusServiceUnavailable {
		header.Set("Retry-After", strconv.Itoa(int(refusal.RetryAfter.Seconds())))
		g.cfg.Logger.WarnContext(r.Context(), "bearer: an access token could not be checked",
			"issuer", g.cfg.Issuer, "error", refusal.cause)
	} else {
		header.Set("WWW-Authenticate", g.challenge(refusal, scopes))
	}
	g.cfg.Refuse(w, r, refusal)
}

// challenge writes the WWW-Authenticate value (RFC 6750 §3, RFC 9728 §5.1). Every part was held to quotable characters
// when the guard was made, except none that a request can choose.
func (g *Guard) challenge(refusal *Refusal, scopes []string) string {
	var b strings.Builder
	b.WriteString(`Bearer realm="` + g.cfg.Realm + `"`)
	write := func(name, value string) {
		if value != "" {
			b.WriteString(`, ` + name + `="` + value + `"`)
		}
	}
	write("error", refusal.Code)
	if refusal.Code != "" {
		write("error_description", refusal.Description)
	}
	write("scope", strings.Join(scopes, " "))
	write("resource_metadata", g.metadataURL())
	return b.String()
}

func writeRefusal(w http.ResponseWriter, _ *http.Request, refusal *Refusal) {
	body, err := json.Marshal(struct {
		Error       string `json:"error,omitempty"`
		Description string `json:"error_description"`
		Scope       string `json:"scope,omitempty"`
	}{refusal.Code, refusal.Description, refusal.Scope})
	if err != nil { // Three strings always marshal.
		body = []byte("{}")
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(refusal.Status)
	_, _ = w.Write(append(body, '\n')) // The caller has gone; nobody is left to tell.
}
