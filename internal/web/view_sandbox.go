package web

// Sandbox is the page on which an app's developers make things go wrong. It posts token, times and fault= expire, revoke or
// unavailable to /sandbox.
type Sandbox struct {
	Done    string // the fault that was just made; empty: none
	App     string // client_id of the app that it is for
	Times   int    // of Done unavailable
	Problem string // why the last one was not made, for developers
}

func (v Sandbox) page() meta {
	return meta{template: "sandbox", layout: cardLayout, title: say("sandbox.title"), problem: v.Problem != ""}
}

// sandboxFaults are the faults in the order of their buttons.
func sandboxFaults() []string { return []string{"expire", "revoke", "unavailable"} }

// Faults lists the buttons.
func (v Sandbox) Faults() []string { return sandboxFaults() }
