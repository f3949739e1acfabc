package web

import "time"

// SessionRow is one browser where the user is signed in.
type SessionRow struct {
	ID         string
	UserAgent  string // shown as "Firefox on Linux"
	Address    string
	SignedInAt time.Time
	LastSeenAt time.Time
	Current    bool // this browser
}

// SecurityNotice is what was just done on the security page.
type SecurityNotice string

// The notices.
const (
	NoticePasswordChanged SecurityNotice = "password_changed"
	NoticeSessionEnded    SecurityNotice = "session_ended"
	NoticeOthersEnded     SecurityNotice = "others_ended"
	NoticeLanguageSaved   SecurityNotice = "language_saved"
)

// Security shows and changes how the user signs in. Its forms post to /security with action=
// change-password (current_password, new_password), end-session (session=<id>), end-others, language (lang).
type Security struct {
	Sessions        []SessionRow // the current one first
	PasswordChanged time.Time    // when it was last changed, as far as the log goes back; zero: not known
	MinPassword     int
	Errors          Errors    // FieldCurrentPassword, FieldNewPassword
	Until           time.Time // set: too many attempts at the current password
	Notice          SecurityNotice
	Language        string // the user's saved language; empty: none saved
}

func (v Security) page() meta {
	return meta{template: "security", layout: portalLayout, title: say("security.title"), problem: len(v.Errors) > 0 || !v.Until.IsZero(), section: SectionSecurity}
}

// Others is how many other browsers are signed in.
func (v Security) Others() int {
	n := 0
	for _, s := range v.Sessions {
		if !s.Current {
			n++
		}
	}
	return n
}
