package web

import "time"

// Connection is one grant: an app that the user connected to an account.
type Connection struct {
	App         App
	Account     Account
	Owner       string       // who stands behind the app
	Permissions []Permission // in words
	ConnectedAt time.Time
	LastUsedAt  time.Time // zero: never
	Offline     bool      // it can act while the user is away
	Suspended   bool      // the platform has stopped it; it gets nothing
	URL         string    // of its page, which asks before it disconnects; empty: /connected/<App.ID>
}

// Connected lists the apps that the user connected.
type Connected struct {
	Connections []Connection
}

func (v Connected) page() meta {
	return meta{template: "connected", layout: portalLayout, title: say("connected.title"), section: SectionConnected}
}

// ConnectionRow is a connection with the handle of its Disconnect button.
type ConnectionRow struct {
	Connection
	Handle string // disconnect-<client_id>; a second account of the same app gets -<account id> behind it
	Href   string
}

// Rows gives each connection its unique handle.
func (v Connected) Rows() []ConnectionRow {
	seen := map[string]bool{}
	rows := make([]ConnectionRow, 0, len(v.Connections))
	for _, c := range v.Connections {
		row := ConnectionRow{Connection: c, Handle: "disconnect-" + c.App.ID, Href: c.URL}
		if seen[c.App.ID] {
			row.Handle += "-" + c.Account.ID
		}
		if row.Href == "" {
			row.Href = "/connected/" + c.App.ID
		}
		seen[c.App.ID] = true
		rows = append(rows, row)
	}
	return rows
}

// Disconnect asks before an app is disconnected, and says exactly what stops and what stays. It posts to Connection's URL
// with account=<id>; the button is #disconnect-<client_id> here too.
type Disconnect struct {
	Connection Connection
	UserID     string // whose connection it is; the form posts it as user
}

func (v Disconnect) page() meta {
	return meta{template: "disconnect", layout: portalLayout, title: say("disconnect.title", "app", v.Connection.App.Name), section: SectionConnected}
}

// Action is where the form posts.
func (v Disconnect) Action() string {
	if v.Connection.URL != "" {
		return v.Connection.URL
	}
	return "/connected/" + v.Connection.App.ID
}

// Disconnected says what stopped and what stays.
type Disconnected struct {
	App     App
	Account Account
}

func (v Disconnected) page() meta {
	return meta{template: "disconnected", layout: portalLayout, title: say("disconnected.title", "app", v.App.Name), section: SectionConnected}
}
