package portal_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/store"
)

func TestConnectedShowsEachAppInWords(t *testing.T) {
	f := newFixture(t)
	f.shop()
	f.user("maker")
	f.account("maker", "maker")
	f.app("robot")
	grant := f.connect("owner", "shop", "robot", "stock.read orders.read openid offline_access")
	f.do(func(tx *store.Tx) error { return tx.TouchGrant(grant.ID, tx.Now().Add(-2*time.Hour)) })
	b := f.browser("owner")
	page := b.open("/connected")
	b.says(page, "App robot", "The shop", "The maker", "See your orders", "with customers' names", "See your stock", "2 hours ago", "Can act")
	if words := text(page); strings.Index(words, "See your orders") > strings.Index(words, "See your stock") {
		t.Error("the sensitive permission does not come first")
	}
	b.silent(page, "orders.read", "stock.read")
	page = b.open("/connected?lang=ar")
	b.says(page, "رؤية طلباتك", "See your stock") // what has no Arabic words is said in English, and marked so
	if !strings.Contains(page.Text, `lang="en"`) {
		t.Error("the English words are not marked as English")
	}
	empty := f.browser("stranger").open("/connected")
	b.says(empty, "No apps are connected")
	b.silent(empty, "These apps can use your accounts")
}

func TestConnectedTellsWhoWorksWhileThePersonIsAway(t *testing.T) {
	f := newFixture(t)
	f.shop()
	f.app("robot")
	f.connect("owner", "shop", "robot", "stock.read")
	b := f.browser("owner")
	b.silent(b.open("/connected"), "While you are away")
	f.issuer.Policy.RefreshAlways = true // a refresh token comes without offline_access
	b.says(b.open("/connected"), "While you are away", "Can act")
}

func TestConnectedShowsTheStoppedAndTheDeleted(t *testing.T) {
	f := newFixture(t)
	f.shop()
	f.app("robot")
	f.app("gone")
	f.connect("owner", "shop", "robot", "stock.read")
	f.connect("owner", "shop", "gone", "stock.read old.scope")
	f.do(func(tx *store.Tx) error { return tx.SetClientStatus("acme", "robot", store.ClientSuspended) })
	f.do(func(tx *store.Tx) error { return tx.DeleteClient("acme", "gone") })
	f.clients.Forget()
	b := f.browser("owner")
	page := b.open("/connected")
	b.says(page, "Acme has suspended this app", "gone", "old.scope")
	page = b.press(b.open("/connected/gone?account=shop"), "disconnect-gone", nil)
	if _, err := f.store.FindGrant(t.Context(), "acme", "owner", "shop", "gone"); err == nil {
		t.Error("a deleted app's connection cannot be ended")
	}
	_ = page
}

func TestDisconnectAsksAndEndsEverything(t *testing.T) {
	f := newFixture(t)
	f.shop()
	f.app("robot")
	grant := f.connect("owner", "shop", "robot", "orders.read")
	b := f.browser("owner")
	page := b.open("/connected")
	if !page.HasElement("disconnect-robot") {
		t.Fatal("no #disconnect-robot on the list")
	}
	page = b.open("/connected/robot") // the only one needs no account
	b.says(page, "Disconnect App robot?", "can no longer do this", "See your orders", "already copied")
	if _, err := f.store.FindGrant(t.Context(), "acme", "owner", "shop", "robot"); err != nil {
		t.Fatal("asking ended it")
	}
	page = b.press(page, "disconnect-robot", nil)
	b.says(page, "App robot is disconnected", "can no longer use The shop", "already copied stays with App robot")
	ended, err := f.store.Grant(t.Context(), "acme", grant.ID)
	f.ok(err)
	if ended.RevokeReason != oauth.ReasonRevokedByUser || ended.RevokedAt.Never() {
		t.Errorf("the grant is %+v", ended)
	}
	if f.recorded("owner", store.EventGrantRevoked) != 1 {
		t.Error("no event")
	}
	b.says(b.open("/connected"), "No apps are connected")
	b.says(b.open("/activity"), "You disconnected App robot from The shop.")
}

func TestDisconnectTwiceIsOnce(t *testing.T) {
	f := newFixture(t)
	f.shop()
	f.app("robot")
	f.connect("owner", "shop", "robot", "orders.read")
	b := f.browser("owner")
	for range 2 {
		b.says(b.then(b.post("/connected/robot", "account", "shop")), "App robot is disconnected")
	}
	if n := f.recorded("owner", store.EventGrantRevoked); n != 1 {
		t.Errorf("%d events", n)
	}
}

func TestDisconnectEndsOneAccountsConnectionOnly(t *testing.T) {
	f := newFixture(t)
	f.shop()
	f.account("second", "owner")
	f.app("robot")
	f.connect("owner", "shop", "robot", "orders.read")
	f.connect("owner", "second", "robot", "orders.read")
	b := f.browser("owner")
	if page := b.post("/connected/robot"); page.Status != http.StatusSeeOther {
		t.Errorf("without an account: %d", page.Status)
	}
	b.says(b.then(b.post("/connected/robot", "account", "second")), "App robot is disconnected")
	if _, err := f.store.FindGrant(t.Context(), "acme", "owner", "shop", "robot"); err != nil {
		t.Errorf("the other account's connection: %v", err)
	}
	if _, err := f.store.FindGrant(t.Context(), "acme", "owner", "second", "robot"); err == nil {
		t.Error("it still stands")
	}
}

// A person of hundreds of accounts, which the list does not show all of.
func TestDisconnectEndsWhatTheListDoesNotShow(t *testing.T) {
	f := newFixture(t)
	f.shop()
	f.app("robot")
	f.connect("owner", "shop", "robot", "orders.read")
	f.do(func(tx *store.Tx) error {
		for i := range 500 {
			id := fmt.Sprint("account", i)
			if err := tx.CreateAccount(store.Account{Issuer: "acme", ID: id, Name: id}, "owner"); err != nil {
				return err
			}
			if _, _, err := tx.SaveConsent(store.Consent{Issuer: "acme", UserID: "owner", AccountID: id, ClientID: "robot", Allowed: oauth.ScopeSet{"orders.read"}}); err != nil {
				return err
			}
		}
		return nil
	})
	b := f.browser("owner")
	b.says(b.open("/connected/robot?account=shop"), "Disconnect App robot?", "The shop")
	b.says(b.then(b.post("/connected/robot", "account", "shop")), "App robot is disconnected", "can no longer use The shop")
	if _, err := f.store.FindGrant(t.Context(), "acme", "owner", "shop", "robot"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("it still stands: %v", err)
	}
}

// Nobody ends, or learns of, what another user connected; not even for an account of both.
func TestDisconnectIsOnesOwn(t *testing.T) {
	f := newFixture(t)
	f.shop()
	f.app("robot")
	f.connect("member", "shop", "robot", "orders.read")
	for _, user := range []string{"owner", "stranger"} {
		b := f.browser(user)
		b.silent(b.open("/connected"), "robot")
		page := b.then(b.post("/connected/robot", "account", "shop"))
		if user == "stranger" {
			b.silent(page, "The shop")
		}
	}
	if _, err := f.store.FindGrant(t.Context(), "acme", "member", "shop", "robot"); err != nil {
		t.Errorf("somebody else ended it: %v", err)
	}
}

// The page names a person's connection; whoever signed in meanwhile in another tab must not read that it stopped.
func TestDisconnectIsForWhoWasAsked(t *testing.T) {
	f := newFixture(t)
	f.shop()
	f.app("robot")
	for _, user := range []string{"owner", "member"} {
		f.connect(user, "shop", "robot", "orders.read")
	}
	page := f.browser("owner").open("/connected/robot")
	b := f.browser("member")
	b.says(b.press(page, "disconnect-robot", nil), "Connected apps")
	for _, user := range []string{"owner", "member"} {
		if _, err := f.store.FindGrant(t.Context(), "acme", user, "shop", "robot"); err != nil {
			t.Errorf("the connection of %s: %v", user, err)
		}
	}
}
