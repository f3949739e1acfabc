package examples

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"latchkey.dev/tests/person"
	"latchkey.dev/tests/running"
)

// dev is `latchkey dev`, shared by all tests; folder goes when they end.
var (
	dev    *running.Dev
	folder string
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	var err error
	if folder, err = os.MkdirTemp("", "latchkey-examples-"); err == nil {
		defer os.RemoveAll(folder)
		err = start()
	}
	if err != nil {
		fmt.Println(err)
		return 1
	}
	defer dev.Stop()
	return m.Run()
}

func start() error {
	artefacts, err := running.Artefacts("examples")
	if err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(artefacts, "dev.log"))
	if err != nil {
		return err
	}
	binary, err := running.Binary(folder)
	if err != nil {
		return err
	}
	dev, err = running.StartDev(binary, filepath.Join(folder, "data"), log)
	return err
}

// noura is the first person of a platform, at a fresh browser.
func noura(t *testing.T, name string) *person.Person {
	t.Helper()
	platform, known := dev.Platforms[name]
	if !known {
		t.Fatalf("dev.json has no %s", name)
	}
	transport := dev.Transport("")
	t.Cleanup(transport.CloseIdleConnections)
	return person.New(transport, platform.Users[0].Email, platform.Users[0].Password)
}

// browse follows redirects over every host, and gives the platform's pages what they ask for, until the browser is back at a place.
func browse(t *testing.T, who *person.Person, page *person.Page, back string) *person.Page {
	t.Helper()
	for range 20 {
		if page.Location == nil && strings.HasPrefix(page.URL.String(), back) {
			return page
		}
		if page.Location != nil {
			page = open(t, who, page.Location.String())
			continue
		}
		location, err := who.Allow(page.URL.String(), back)
		if err != nil {
			t.Fatal(err)
		}
		page = open(t, who, location.String())
	}
	t.Fatalf("never back at %s, but at %s", back, page.URL)
	return nil
}

func open(t *testing.T, who *person.Person, address string) *person.Page {
	t.Helper()
	page, err := who.Open(address)
	if err != nil {
		t.Fatal(err)
	}
	return page
}

func press(t *testing.T, who *person.Person, page *person.Page, id string) *person.Page {
	t.Helper()
	page, err := who.Press(page, id, nil)
	if err != nil {
		t.Fatal(err)
	}
	return page
}

// disconnect presses Disconnect on the platform's own page.
func disconnect(t *testing.T, who *person.Person, name, clientID string) {
	t.Helper()
	page, err := who.Arrive(dev.Platforms[name].Issuer + "/connected")
	if err != nil {
		t.Fatal(err)
	}
	link := page.Link("disconnect-" + clientID)
	if link == "" {
		t.Fatalf("%s is not on the page of connected apps:\n%.2000s", clientID, page.Text)
	}
	press(t, who, open(t, who, link), "disconnect-"+clientID)
}

func mustParse(t *testing.T, address string) *url.URL {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// signIn signs a person in at a platform's own page.
func signIn(t *testing.T, who *person.Person, name string) {
	t.Helper()
	page, err := who.Arrive(dev.Platforms[name].Issuer + "/sign-in")
	if err != nil {
		t.Fatal(err)
	}
	if !page.Has("sign-in") {
		return // signed in already
	}
	if _, err := who.Press(page, "sign-in", map[string]string{"email": who.Email, "password": who.Password}); err != nil {
		t.Fatal(err)
	}
}

// developer is the person who owns the sample apps, signed in.
func developer(t *testing.T, name string) *person.Person {
	t.Helper()
	users := dev.Platforms[name].Users
	transport := dev.Transport("")
	t.Cleanup(transport.CloseIdleConnections)
	who := person.New(transport, users[len(users)-1].Email, users[len(users)-1].Password)
	signIn(t, who, name)
	return who
}

func containsAll(text string, words ...string) bool {
	for _, word := range words {
		if !strings.Contains(text, word) {
			return false
		}
	}
	return true
}
