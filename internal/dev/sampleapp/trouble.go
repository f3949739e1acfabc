package sampleapp

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// trouble says what went wrong and what to do, with the platform's own words beside it.
type trouble struct {
	Title  string
	Advice string
	Status int // of the platform's answer, or of ours

	// What the platform answered, word for word; empty when it said nothing.
	Code        string // error
	Description string // error_description
	Reason      string // reason, an addition of Latchkey's
	RequestID   string // request_id, likewise
	Detail      string // what the app itself found, for developers
}

// answerFields are the members of an OAuth error answer (RFC 6749 §5.2), and two of Latchkey's.
type answerFields struct {
	Code        string `json:"error"`
	Description string `json:"error_description"`
	Reason      string `json:"reason"`
	RequestID   string `json:"request_id"`
}

func (t *trouble) quote(body []byte) {
	var said answerFields
	if json.Unmarshal(body, &said) != nil {
		return
	}
	t.Code, t.Description, t.Reason, t.RequestID = said.Code, said.Description, said.Reason, said.RequestID
}

func unreachable(p *platform, err error) *trouble {
	detail := "No answer in time, or no connection."
	if mismatch, ok := errors.AsType[*oidc.IssuerMismatchError](err); ok {
		detail = mismatch.Error()
	}
	return &trouble{
		Title:  p.Name + " could not be reached",
		Advice: "Nothing was changed. Is it running? Try again in a moment.",
		Status: http.StatusBadGateway,
		Detail: detail,
	}
}

func internal() *trouble {
	return &trouble{
		Title:  "Parcel Robot stumbled",
		Advice: "Nothing was connected. Try again.",
		Status: http.StatusInternalServerError,
	}
}

func strayCallback(p *platform) *trouble {
	return &trouble{
		Title: "This answer belongs to no connection in progress",
		Advice: "It is from another browser, or it is too old. Nothing was connected. Go back and press Connect " +
			p.Name + " again.",
		Status: http.StatusBadRequest,
		Detail: "The state parameter is not one that this browser began with (RFC 6749 §10.12).",
	}
}

func wrongIssuer(p *platform) *trouble {
	return &trouble{
		Title:  "This answer is not from " + p.Name,
		Advice: "Nothing was connected. Go back and press Connect " + p.Name + " again.",
		Status: http.StatusBadRequest,
		Detail: "The iss parameter of the answer is missing or names another issuer (RFC 9207 §2.4).",
	}
}

// refusedAuthorization is an error answer of the authorization endpoint (RFC 6749 §4.1.2.1).
func refusedAuthorization(p *platform, query url.Values) *trouble {
	t := &trouble{
		Title:       p.Name + " did not connect",
		Advice:      "Nothing was connected. You can try again.",
		Status:      http.StatusBadRequest,
		Code:        query.Get("error"),
		Description: query.Get("error_description"),
	}
	if t.Code == "access_denied" {
		t.Title, t.Status = "You did not connect "+p.Name, http.StatusOK
		t.Advice = "Parcel Robot sees nothing of your account there. If you change your mind, connect it any time."
	}
	return t
}

// refusedToken is an error answer of the token endpoint (RFC 6749 §5.2).
func refusedToken(p *platform, title string, err error) *trouble {
	refusal, ok := errors.AsType[*oauth2.RetrieveError](err)
	if !ok || refusal.Response == nil {
		return unreachable(p, err)
	}
	t := &trouble{Title: title, Status: refusal.Response.StatusCode, Advice: "Connect " + p.Name + " again to go on."}
	t.quote(refusal.Body)
	switch {
	case t.Reason == "revoked_by_user":
		t.Advice = "You disconnected Parcel Robot at " + p.Name + ", so it has no access any more. Connect again if you want it back."
	case t.Status >= http.StatusInternalServerError:
		t.Advice = p.Name + " has trouble of its own. Nothing was lost; try again in a moment."
	}
	return t
}

// refusedCall is an error answer of the API; many, ours too, speak OAuth's way (RFC 6750 §3).
func refusedCall(body []byte) *trouble {
	t := &trouble{Advice: "The answer below says why. After a 401, refresh; if that is refused too, connect again."}
	t.quote(body)
	return t
}

func badIDToken(p *platform, err error) *trouble {
	return &trouble{
		Title:  "The proof of who you are is not good",
		Advice: "Nothing was connected. Go back and press Connect " + p.Name + " again.",
		Status: http.StatusBadGateway,
		Detail: "ID Token: " + err.Error(),
	}
}

func noRefreshToken(p *platform) *trouble {
	return &trouble{
		Title:  "There is no refresh token",
		Advice: p.Name + " gave access for one time only. Connect again when it has ended.",
		Status: http.StatusBadRequest,
		Detail: "offline_access was not granted.",
	}
}

func nothingToRefresh(p *platform) *trouble {
	return &trouble{
		Title:  "There is nothing to refresh",
		Advice: p.Name + " gave Parcel Robot a key of its own, which is good until you disconnect it.",
		Status: http.StatusOK,
	}
}
