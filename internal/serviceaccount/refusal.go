package serviceaccount

import (
	"net/http"

	"latchkey.dev/internal/oauth"
)

// Reasons, for callers that have proven who they are.
const (
	ReasonSessionRequired   = "session_required"    // no session was presented
	ReasonSessionEnded      = "session_ended"       // it ended, or was never one of ours
	ReasonKeyRemoved        = "key_removed"         // the key was removed
	ReasonKeyExpired        = "key_expired"         // the key's time is over
	ReasonDisconnected      = "disconnected"        // what the person allowed has ended
	ReasonAddressNotAllowed = "address_not_allowed" // the key may not be used from there
	ReasonStale             = "stale"               // made too long ago, or not yet valid
	ReasonWrongAudience     = "wrong_audience"      // made for somebody else
	ReasonWrongAccount      = "wrong_account"       // another account's service account
	ReasonTooManyKeys       = "too_many_keys"       // remove one first
	ReasonUnknownAccount    = "service_account_unknown"
)

// SessionRequired is the refusal of a request without a session. The client's identifier and secret say which app it is; they
// do not sign it in.
func SessionRequired() *oauth.Error {
	return oauth.InvalidClient("sign in with your service account's key first, and send the session's cookies along").With(ReasonSessionRequired)
}

func sessionEnded(reason, description string) *oauth.Error {
	return oauth.InvalidClient("%s; sign in again", description).With(reason)
}

func tooManyKeys() *oauth.Error {
	return oauth.InvalidRequest("this service account has %d active keys, which is the most; remove one first", MaxKeys).
		With(ReasonTooManyKeys).WithStatus(http.StatusConflict)
}

func unknownAccount() *oauth.Error {
	return oauth.InvalidRequest("there is no such service account that you may manage").
		With(ReasonUnknownAccount).WithStatus(http.StatusNotFound)
}
