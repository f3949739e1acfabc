package userinfo

import (
	"errors"
	"net/http"
	"strings"

	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/wire"
)

// ServeUserInfo is the standards' face of the endpoint: GET and POST /oauth/userinfo (OpenID Connect Core §5.3), and OPTIONS,
// because a browser asks before it sends an Authorization header to another origin.
func (h *Handler) ServeUserInfo(w http.ResponseWriter, r *http.Request) error {
	header := w.Header()
	header["Access-Control-Expose-Headers"] = exposed
	switch r.Method {
	case http.MethodOptions:
		wire.AnswerPreflight(w, "GET, POST")
		return nil
	case http.MethodGet, http.MethodPost:
	default:
		header.Set("Allow", "GET, POST, OPTIONS")
		return oauth.InvalidRequest("use GET or POST here").WithStatus(http.StatusMethodNotAllowed)
	}
	token, err := bearerToken(r)
	if err != nil {
		wire.ChallengeMalformed(header, r, err)
		return err
	}
	response, err := h.UserInfo(r.Context(), Request{AccessToken: token})
	if err != nil {
		return err
	}
	return wire.WriteJSON(w, http.StatusOK, &response)
}

// exposed lets an app in a browser read why its token was refused.
var exposed = []string{"WWW-Authenticate"}

// bearerToken takes the token from the Authorization header or from a form body, never from both (RFC 6750 §2, §2.1, §2.2).
func bearerToken(r *http.Request) (string, error) {
	token, err := wire.BearerToken(r)
	if r.Method != http.MethodPost || !strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		return token, err
	}
	if refused := (*oauth.Error)(nil); err != nil && (!errors.As(err, &refused) || refused.Reason != oauth.ReasonMissing) {
		return "", err
	}
	form, formErr := wire.Form(r)
	if formErr != nil {
		return "", formErr
	}
	inBody := form.Get("access_token")
	switch {
	case err == nil && inBody != "":
		return "", oauth.InvalidRequest("send the access token in the Authorization header or in the body, not in both (RFC 6750 section 2)")
	case inBody != "":
		return inBody, nil
	default:
		return token, err
	}
}
