package portal_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/store"
)

// developed is a shop whose owner connects the app of another account, whose owner is "maker".
func developed(t *testing.T) *fixture {
	f := newFixture(t)
	f.issuer.Policy.SingleUseTokens = true
	f.shop()
	f.user("maker")
	f.account("maker", "maker")
	f.app("robot")
	return f
}

// begin is an exchange whose code is issued.
func (f *fixture) begin(number int) string {
	f.Helper()
	grant := f.connect("owner", "shop", "robot", "stock.read")
	id := fmt.Sprintf("0198f3c4-7a51-7c3e-9d2f-%012d", number)
	f.do(func(tx *store.Tx) error {
		return tx.TrackCode(store.Code{FamilyID: id, Issuer: "acme", ClientID: "robot", Grant: grant, CreatedAt: tx.Now()})
	})
	return id
}

func TestAnExchangeIsSeenByThoseItConcerns(t *testing.T) {
	f := developed(t)
	id := f.begin(1)
	f.do(func(tx *store.Tx) error { return tx.TrackToken("acme", id) })
	f.do(func(tx *store.Tx) error { return tx.FailExchange("acme", id, oauth.ReasonReused) })
	f.do(func(tx *store.Tx) error {
		return tx.Record(store.Event{Issuer: "acme", Type: store.EventServiceAccountCreated, UserID: "owner", AccountID: "shop", ClientID: "robot",
			Detail: map[string]string{"name": "App robot", "service_account": "svc-1"}})
	})
	maker, owner := f.browser("maker"), f.browser("owner")
	maker.says(maker.open("/accounts"), "Requests of your apps for service accounts")
	maker.says(maker.open("/exchanges"), "App robot for The shop", "Refused")
	page := maker.open("/exchanges/" + id)
	maker.says(page, "The consent was given", "The app traded the code", "Each works once", "Start the authorization again", id)
	if code, token := strings.Index(page.Text, `data-step="code_issued"`), strings.Index(page.Text, `data-step="token_created"`); code < 0 || token < code {
		t.Error("the timeline is not in order")
	}
	owner.says(owner.open("/exchanges/"+id), "The consent was given")
	owner.silent(owner.open("/exchanges/"+id), "What your app holds")
	owner.says(owner.open("/exchanges"), "No requests yet")
	owner.says(owner.open("/activity"), "The service account App robot was made for The shop.")
	for _, who := range []string{"stranger", "member"} {
		b := f.browser(who)
		b.saysWith(b.open("/exchanges/"+id), http.StatusNotFound)
		b.silent(b.open("/exchanges"), "robot")
	}
	for _, path := range []string{"/exchanges/none", "/exchanges/%00", "/exchanges/" + id + "x"} {
		if got := maker.open(path).Status; got != http.StatusNotFound {
			t.Errorf("GET %s: %d", path, got)
		}
	}
}

func TestExchangesComeInPages(t *testing.T) {
	f := developed(t)
	for i := range 51 {
		f.begin(i)
	}
	b := f.browser("maker")
	first := b.open("/exchanges")
	if got := strings.Count(first.Text, `href="/exchanges/`); got != 50 {
		t.Errorf("%d on the first page", got)
	}
	second := b.open("/exchanges?before=0198f3c4-7a51-7c3e-9d2f-000000000001")
	if got := strings.Count(second.Text, `href="/exchanges/`); got != 1 {
		t.Errorf("%d on the second page", got)
	}
	b.says(first, "Older")
	b.says(second, "Newer")
}

func TestAnExchangeUnderWaySaysWhatIsNext(t *testing.T) {
	f := developed(t)
	id := f.begin(1)
	b := f.browser("maker")
	b.says(b.open("/exchanges/"+id), "Under way", "Next: the app trades the code", "Send it to the token endpoint at once")
	f.do(func(tx *store.Tx) error { return tx.TrackToken("acme", id) })
	b.says(b.open("/exchanges/"+id), "Under way", "Next: the service account is made", "Exchange it at once")
}
