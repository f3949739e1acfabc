package logout

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"

	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/web"
	"latchkey.dev/internal/wire"
)

// ServeLogout answers GET and POST alike (RP-Initiated Logout §2).
func (h *Handler) ServeLogout(w http.ResponseWriter, r *http.Request) error {
	if r.Method == http.MethodPost {
		return h.bounce(w, r)
	}
	query, err := wire.Query(r)
	if err != nil {
		return err
	}
	var asked plan
	if sealed := query.Get("r"); sealed != "" {
		asked, err = h.open(sealed)
	} else {
		asked, err = h.check(r.Context(), requestFrom(query))
	}
	if err != nil {
		return err
	}
	return h.proceed(w, r, asked)
}

// bounce turns a post into a get: a cross-site post comes without the session's cookie (RFC 6265bis §5.2), so it could end
// nothing.
func (h *Handler) bounce(w http.ResponseWriter, r *http.Request) error {
	form, err := wire.Form(r)
	if err != nil {
		return err
	}
	asked, err := h.check(r.Context(), requestFrom(form))
	if err != nil {
		return err
	}
	sealed, err := h.seal(asked)
	if err != nil {
		return err
	}
	wire.Redirect(w, r, "/oauth/logout?"+url.Values{"r": {sealed}}.Encode())
	return nil
}

func requestFrom(p wire.Params) Request {
	return Request{
		IDTokenHint: p.Get("id_token_hint"), ClientID: p.Get("client_id"),
		PostLogoutRedirectURI: p.Get("post_logout_redirect_uri"), State: p.Get("state"),
	}
}

func (h *Handler) proceed(w http.ResponseWriter, r *http.Request, asked plan) error {
	current, err := h.Sessions.Current(r)
	if err != nil {
		return err
	}
	if current != nil && !asked.sure(current) {
		return h.ask(w, r, asked)
	}
	return h.end(w, r, asked)
}

// ShowSignOut asks whoever comes to sign out by themselves.
func (h *Handler) ShowSignOut(w http.ResponseWriter, r *http.Request) error {
	current, err := h.Sessions.Current(r)
	if err != nil {
		return err
	}
	if current == nil {
		return h.done(w, r, plan{})
	}
	return h.ask(w, r, plan{})
}

// SignOut is the answer to either question.
func (h *Handler) SignOut(w http.ResponseWriter, r *http.Request) error {
	form, err := wire.Form(r)
	if err != nil {
		return err
	}
	var asked plan
	if sealed := form.Get("r"); sealed != "" {
		if asked, err = h.open(sealed); err != nil {
			return err
		}
	}
	return h.end(w, r, asked)
}

func (h *Handler) ask(w http.ResponseWriter, r *http.Request, asked plan) error {
	page := web.SignOut{StayTo: "/connected", BackTo: asked.To}
	if asked != (plan{}) {
		sealed, err := h.seal(asked)
		if err != nil {
			return err
		}
		page.R = sealed
	}
	app, err := h.app(r, asked)
	if err != nil {
		return err
	}
	page.App = app
	return h.Pages.Render(w, r, http.StatusOK, page)
}

// app is who sent the person, as they see it.
func (h *Handler) app(r *http.Request, asked plan) (web.App, error) {
	if asked.ClientID == "" {
		return web.App{}, nil
	}
	app, err := h.find(r.Context(), asked.ClientID)
	if err != nil {
		return web.App{}, err
	}
	return web.App{ID: app.ID, Name: app.Name, LogoURL: app.Metadata.LogoURI}, nil
}

func (h *Handler) end(w http.ResponseWriter, r *http.Request, asked plan) error {
	if err := h.Sessions.End(w, r); err != nil {
		return err
	}
	if asked.To != "" {
		wire.Redirect(w, r, asked.To)
		return nil
	}
	return h.done(w, r, asked)
}

// done says that the sign-in ended. The page's frame must not show who it was.
func (h *Handler) done(w http.ResponseWriter, r *http.Request, asked plan) error {
	app, err := h.app(r, asked)
	if err != nil {
		return err
	}
	chrome := web.ChromeFrom(r.Context())
	chrome.User = web.User{}
	return h.Pages.Render(w, r.WithContext(web.WithChrome(r.Context(), chrome)), http.StatusOK, web.SignedOut{App: app})
}

const purpose = "logout"

func (h *Handler) seal(asked plan) (string, error) {
	plain, err := json.Marshal(asked)
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(h.Keyring.Seal(purpose, []byte(h.Issuer.Name), plain, h.Rand)), nil
}

func (h *Handler) open(r string) (asked plan, err error) {
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(r)
	if err == nil {
		sealed, err = h.Keyring.Open(purpose, []byte(h.Issuer.Name), sealed)
	}
	if err != nil || json.Unmarshal(sealed, &asked) != nil {
		return plan{}, oauth.InvalidRequest("the address of this page is incomplete; go back to the app and sign out again")
	}
	return asked, nil
}
