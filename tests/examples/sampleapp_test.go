package examples

import (
	"strings"
	"testing"

	"latchkey.dev/tests/person"
)

// robots is the sample app's registration on each platform.
var robots = map[string]string{
	"acme": "parcel-robot", "noon": "parcel-robot", "noorle": "app_parcelrobot", "noonlight": "parcel-robot", "noonlight-sandbox": "parcel-robot",
	"tiki": "2640175938264015", "nomba": "6c4f9f0e-3b52-4a3a-8a57-52bd3c1f0b03", "nomba-sandbox": "7d5e8e1f-4c63-4b4b-9b68-63ce4d2e1c03",
}

// TestTheSampleAppConnectsEveryPlatform: Connect, use the API, refresh, Disconnect at the platform, and the next call is refused.
func TestTheSampleAppConnectsEveryPlatform(t *testing.T) {
	for name, robot := range robots {
		t.Run(name, func(t *testing.T) {
			who := noura(t, name)
			app := dev.URL("app.localhost", "")
			page := browse(t, who, pressConnect(t, who, open(t, who, app+"/"), name), app)
			if !strings.Contains(page.Text, "is connected") {
				t.Fatalf("not connected:\n%.3000s", page.Text)
			}
			if got := button(t, who, page, "call-api"); !strings.HasPrefix(got, "2") {
				t.Errorf("the API answered %s", got)
			}
			if got := button(t, who, page, "refresh"); got != "200" {
				t.Errorf("refreshing: %s", got)
			}
			disconnect(t, who, name, robot)
			if got := button(t, who, page, "call-api"); got != "401" {
				t.Errorf("after Disconnect the API answered %s", got)
			}
		})
	}
}

// pressConnect begins a connection: at once, or over the app's own proposal.
func pressConnect(t *testing.T, who *person.Person, home *person.Page, name string) *person.Page {
	t.Helper()
	if proposal := home.Link("connect-" + name); proposal != "" {
		return open(t, who, open(t, who, proposal).Link("authorize"))
	}
	return press(t, who, home, "connect-"+name)
}

// button presses one on the connection's page, and returns the status that the page then shows.
func button(t *testing.T, who *person.Person, page *person.Page, id string) string {
	t.Helper()
	page, err := who.Follow(press(t, who, page, id), nil)
	if err != nil {
		t.Fatal(err)
	}
	_, after, found := strings.Cut(page.Text, `data-status="`)
	status, _, _ := strings.Cut(after, `"`)
	if !found {
		t.Fatalf("no result:\n%.3000s", page.Text)
	}
	return status
}

// TestNoonBeginsAtConnectSeller, as its quickstart has it.
func TestNoonBeginsAtConnectSeller(t *testing.T) {
	page := open(t, noura(t, "noon"), dev.URL("app.localhost", "/connect-seller"))
	if page.Location == nil || page.Location.Host != mustParse(t, dev.Platforms["noon"].Hosts["oauth"]).Host || len(page.Location.Query()) != 2 {
		t.Errorf("%d %v", page.Status, page.Location)
	}
}
