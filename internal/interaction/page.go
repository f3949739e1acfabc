package interaction

import (
	"net/http"

	"latchkey.dev/internal/web"
)

// render shows a page in the language that the flow and the person ask for.
func (h *Handler) render(t *turn, status int, page web.Page) error {
	chrome := web.ChromeFrom(t.r.Context())
	chrome.Issuer = h.Issuer.Name
	chrome.Lang = h.pageLang(t)
	if t.session != nil {
		chrome.User = web.User{Name: t.session.User.Name, Email: t.session.User.Email}
	}
	return h.Pages.Render(t.w, t.r.WithContext(web.WithChrome(t.r.Context(), chrome)), status, page)
}

// pageLang is the language that the person reads now.
func (h *Handler) pageLang(t *turn) string {
	preference := web.Preference{}
	if t.inFlow() {
		preference.UILocales = t.flow.Request.UILocales
	}
	if t.session != nil {
		preference.UserLocale = t.session.User.Locale
	}
	return preference.From(t.r).Pick(h.Pages.Languages(h.Issuer.Name))
}

// view is the flow as its pages see it.
func (h *Handler) view(t *turn) (web.Flow, error) {
	view := web.Flow{}
	if t.flow == (Flow{}) {
		return view, nil
	}
	sealed, err := h.sealer.seal(t.flow)
	if err != nil {
		return view, err
	}
	view.R = sealed
	if t.inFlow() {
		view.App, view.RedirectURI = appOf(t.client), t.to.URI()
	}
	return view, nil
}

// showIn renders a page that needs the flow's view.
func (h *Handler) showIn(t *turn, status int, page func(web.Flow) web.Page) error {
	view, err := h.view(t)
	if err != nil {
		return err
	}
	return h.render(t, status, page(view))
}

// The status of a form that comes back with mistakes (RFC 9110 §15.5.21).
const statusMistakes = http.StatusUnprocessableEntity
