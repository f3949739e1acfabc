package portal

import (
	"net/http"
	"time"

	"latchkey.dev/internal/wire"
)

// noticeCookie carries one sentence over one redirect. It is no parameter of the address: a link that somebody sends must not
// make a page say that a password was changed.
const noticeCookie = "lk_notice"

const noticeLifetime = time.Minute

// goWith sends the browser to a page that says what was just done there.
func (p *Portal) goWith(v *visit, location, notice string) error {
	http.SetCookie(v.w, p.notice(notice, noticeLifetime))
	wire.Redirect(v.w, v.r, location)
	return nil
}

// take returns the notice for this page, once; "" when there is none or it is not one of the page's own.
func take[N ~string](p *Portal, v *visit, known ...N) N {
	cookie, err := v.r.Cookie(noticeCookie)
	if err != nil {
		return ""
	}
	http.SetCookie(v.w, p.notice("", -time.Second))
	for _, notice := range known {
		if string(notice) == cookie.Value {
			return notice
		}
	}
	return ""
}

func (p *Portal) notice(value string, lifetime time.Duration) *http.Cookie {
	return &http.Cookie{
		Name: noticeCookie, Value: value, Path: "/", MaxAge: int(lifetime / time.Second), HttpOnly: true,
		Secure: p.Issuer.Secure(), SameSite: http.SameSiteLaxMode,
	}
}
