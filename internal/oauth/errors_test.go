package oauth_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"latchkey.dev/internal/oauth"
)

func TestErrorStatuses(t *testing.T) {
	cases := []struct {
		section string
		err     *oauth.Error
		code    string
		status  int
	}{
		{"RFC 6749 §5.2", oauth.InvalidRequest("x"), "invalid_request", 400},
		{"RFC 6749 §5.2", oauth.InvalidClient("x"), "invalid_client", 401},
		{"RFC 6749 §5.2", oauth.InvalidGrant("x"), "invalid_grant", 400},
		{"RFC 6749 §5.2", oauth.UnauthorizedClient("x"), "unauthorized_client", 400},
		{"RFC 6749 §5.2", oauth.UnsupportedGrantType("x"), "unsupported_grant_type", 400},
		{"RFC 6749 §5.2", oauth.InvalidScope("x"), "invalid_scope", 400},
		{"RFC 6749 §4.1.2.1", oauth.AccessDenied("x"), "access_denied", 400},
		{"RFC 6749 §4.1.2.1", oauth.UnsupportedResponseType("x"), "unsupported_response_type", 400},
		{"RFC 6749 §4.1.2.1", oauth.ServerError("x"), "server_error", 500},
		{"RFC 6749 §4.1.2.1", oauth.TemporarilyUnavailable("x"), "temporarily_unavailable", 503},
		{"RFC 6750 §3.1", oauth.InvalidToken("x"), "invalid_token", 401},
		{"RFC 6750 §3.1", oauth.InsufficientScope("x"), "insufficient_scope", 403},
		{"RFC 7591 §3.2.2", oauth.InvalidRedirectURI("x"), "invalid_redirect_uri", 400},
		{"RFC 7591 §3.2.2", oauth.InvalidClientMetadata("x"), "invalid_client_metadata", 400},
		{"RFC 8628 §3.5", oauth.AuthorizationPending("x"), "authorization_pending", 400},
		{"RFC 8628 §3.5", oauth.SlowDown("x"), "slow_down", 400},
		{"RFC 8628 §3.5", oauth.ExpiredToken("x"), "expired_token", 400},
		{"RFC 8707 §2", oauth.InvalidTarget("x"), "invalid_target", 400},
		{"Core §3.1.2.6", oauth.InteractionRequired("x"), "interaction_required", 400},
		{"Core §3.1.2.6", oauth.LoginRequired("x"), "login_required", 400},
		{"Core §3.1.2.6", oauth.AccountSelectionRequired("x"), "account_selection_required", 400},
		{"Core §3.1.2.6", oauth.ConsentRequired("x"), "consent_required", 400},
		{"Core §3.1.2.6", oauth.RequestNotSupported("x"), "request_not_supported", 400},
		{"Core §3.1.2.6", oauth.RequestURINotSupported("x"), "request_uri_not_supported", 400},
		{"Core §3.1.2.6", oauth.RegistrationNotSupported("x"), "registration_not_supported", 400},
	}
	for _, c := range cases {
		if c.err.Code != c.code || c.err.HTTPStatus() != c.status {
			t.Errorf("%s: %s is %d, want %s %d", c.section, c.err.Code, c.err.HTTPStatus(), c.code, c.status)
		}
	}
}

func TestErrorCopiesLeaveTheOriginal(t *testing.T) {
	original := oauth.InvalidGrant("the code is used")
	changed := original.With(oauth.ReasonReused).WithStatus(http.StatusTeapot).
		WithRetryAfter(time.Second).WithScope(oauth.ScopeSet{"read"})
	if original.Reason != "" || original.Status != 0 || original.RetryAfter != 0 || original.Scope != "" {
		t.Errorf("the original changed: %+v", original)
	}
	if changed.Reason != "reused" || changed.HTTPStatus() != 418 || changed.RetryAfter != time.Second || changed.Scope != "read" {
		t.Errorf("the copy is %+v", changed)
	}
}

func TestErrorIsFoundWhenWrapped(t *testing.T) {
	wrapped := fmt.Errorf("redeem: %w", oauth.InvalidGrant("used"))
	if found := (*oauth.Error)(nil); !errors.As(wrapped, &found) || found.Error() != "invalid_grant: used" {
		t.Errorf("found %v", found)
	}
}

// A description echoes names that clients chose, and goes into headers.
func TestRFC6749_5_2_DescriptionCharacters(t *testing.T) {
	e := oauth.InvalidRequest("%s", "a\"b\\c\r\nSet-Cookie: x\x00é"+strings.Repeat("y", 1000))
	if !strings.HasPrefix(e.Description, "a'b/c??Set-Cookie: x??y") {
		t.Errorf("description is %q", e.Description[:40])
	}
	if len(e.Description) > 500 {
		t.Errorf("description has %d bytes", len(e.Description))
	}
}
