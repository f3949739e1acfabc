package logout

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"latchkey.dev/internal/client"
	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/mint"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/reqlog"
	"latchkey.dev/internal/seal"
	"latchkey.dev/internal/session"
	"latchkey.dev/internal/store"
	"latchkey.dev/internal/web"
)

// Config is what the endpoint depends on.
type Config struct {
	Issuer   *issuer.Issuer
	Keyring  *seal.Keyring
	Clients  *client.Registry
	Mint     *mint.Mint
	Sessions *session.Manager
	Pages    *web.Renderer
	Rand     io.Reader
}

// Handler is the logout endpoint and the sign-out page of one issuer.
type Handler struct{ Config }

// New returns the endpoint of an issuer.
func New(config Config) *Handler { return &Handler{config} }

// Request is a logout request as it came (RP-Initiated Logout §2). logout_hint and ui_locales are not read.
type Request struct {
	IDTokenHint           string
	ClientID              string
	PostLogoutRedirectURI string
	State                 string
}

// plan is a request in which everything was checked. It travels sealed in r from page to page.
type plan struct {
	ClientID string `json:"client,omitempty"`
	// To is the registered address to return to, with the state; empty ends at our own page.
	To string `json:"to,omitempty"`
	// Subject and SessionID are the hint's: whose sign-in it is to end. Empty: the app sent none.
	Subject   string `json:"sub,omitempty"`
	SessionID string `json:"sid,omitempty"`
}

const longestState = 2 << 10

// check is RP-Initiated Logout §2 and §3: an address that was not proven is never redirected to, so every error is a page.
func (h *Handler) check(ctx context.Context, request Request) (plan, error) {
	if len(request.State) > longestState {
		return plan{}, oauth.InvalidRequest("state is too long")
	}
	checked := plan{ClientID: request.ClientID}
	if err := h.readHint(ctx, request, &checked); err != nil {
		return plan{}, err
	}
	if request.PostLogoutRedirectURI == "" {
		return checked, h.knownClient(ctx, checked)
	}
	switch {
	case checked.ClientID != "":
	case request.IDTokenHint != "": // nobody can read any more whose address it is: the person is asked, and stays here
		return checked, nil
	default:
		return plan{}, oauth.InvalidRequest("post_logout_redirect_uri needs id_token_hint or client_id, to know whose it is")
	}
	app, err := h.find(ctx, checked.ClientID)
	if err != nil {
		return plan{}, err
	}
	if !slices.Contains(app.Metadata.PostLogoutRedirectURIs, request.PostLogoutRedirectURI) {
		return plan{}, oauth.InvalidRedirectURI("post_logout_redirect_uri is not registered for this app; it must be equal to a registered one").
			With(oauth.ReasonRedirectMismatch)
	}
	checked.To = withState(request.PostLogoutRedirectURI, request.State)
	return checked, nil
}

// readHint takes the client and the sign-in from the ID Token, and refuses two that disagree (§2). One that cannot be read is no hint: apps keep
// their last for as long as people stay signed in, and the key that signed it may be gone.
func (h *Handler) readHint(ctx context.Context, request Request, checked *plan) error {
	if request.IDTokenHint == "" {
		return nil
	}
	claims, err := h.Mint.ReadIDTokenHint(ctx, request.IDTokenHint)
	if errors.Is(err, mint.ErrUnreadable) {
		return nil
	}
	if err != nil {
		return err
	}
	switch {
	case request.ClientID != "" && !claims.Audience.Has(request.ClientID):
		return oauth.InvalidRequest("id_token_hint was issued to another client than client_id")
	case request.ClientID == "" && len(claims.Audience) > 0:
		checked.ClientID = claims.Audience[0]
	}
	checked.Subject, checked.SessionID = claims.Subject, claims.SID
	return nil
}

func (h *Handler) knownClient(ctx context.Context, checked plan) error {
	if checked.ClientID == "" {
		return nil
	}
	_, err := h.find(ctx, checked.ClientID)
	return err
}

func (h *Handler) find(ctx context.Context, clientID string) (*store.Client, error) {
	reqlog.From(ctx).Client = clientID
	app, err := h.Clients.Find(ctx, clientID)
	if errors.Is(err, store.ErrNotFound) {
		return nil, oauth.InvalidClient("no app is registered here with this client_id").With(oauth.ReasonUnknown).WithStatus(http.StatusBadRequest)
	}
	return app, err
}

// withState appends to the address's own query (§3).
func withState(to, state string) string {
	if state == "" {
		return to
	}
	separator := "?"
	if strings.Contains(to, "?") {
		separator = "&"
	}
	return to + separator + "state=" + url.QueryEscape(state)
}

// sure tells whether the person need not be asked: the app showed that it knows who is signed in here, and in which session
// where its ID Token says that. Without this, any site could sign people out (§6).
func (p plan) sure(current *session.Session) bool {
	return p.Subject != "" && p.Subject == current.UserID && (p.SessionID == "" || p.SessionID == current.ID)
}
