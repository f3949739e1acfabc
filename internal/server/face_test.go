package server_test

import (
	"net/url"
	"strings"
	"testing"

	"latchkey.dev/internal/servertest"
)

// Only where an app sends people is it the app's request that is not complete.
func TestAMalformedRequestOfOurOwnPageIsNotTheApps(t *testing.T) {
	r := servertest.New(t)
	ada := r.Ada()
	_ = ada.SignIn(ada.Arrive("/sign-in"))
	for name, page := range map[string]string{
		"portal": ada.Arrive("/activity?before=1&before=2").Text, "form": ada.Post("/security", url.Values{"action": {"a", "b"}}).Text,
		"sign-in": r.Ada().Arrive("/sign-in?r=1&r=2").Text,
	} {
		if strings.Contains(page, "app’s") || strings.Contains(page, "othing was connected") || !strings.Contains(page, "This did not work") {
			t.Errorf("%s:\n%.3000s", name, page)
		}
	}
	if page := r.Ada().Arrive("/oauth/authorize?client_id=a&client_id=b").Text; !strings.Contains(page, "The app’s request is not complete") || !strings.Contains(page, "For the app’s developer") {
		t.Errorf("authorize:\n%.3000s", page)
	}
}
