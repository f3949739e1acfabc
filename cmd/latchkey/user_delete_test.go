package main

import (
	"bytes"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"latchkey.dev/internal/config"
	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/store"
)

// leaving is an installation with Noura, who has an account of her own and is in Omar's, connected an app, is signed in and is named in
// what others did.
type leaving struct {
	*testing.T

	folder *installed
	in     *installation
	noura  store.User
	omar   store.User
	grant  store.Grant
}

func newLeaving(t *testing.T) *leaving {
	t.Helper()
	l := &leaving{T: t, folder: install(t)}
	p := &program{clock: time.Now, rand: rand.Reader, source: config.System(), configPath: filepath.Join(l.folder.folder, "latchkey.yaml")}
	loaded, err := p.load()
	if err != nil {
		t.Fatal(err)
	}
	if l.in, err = p.open(t.Context(), loaded); err != nil {
		t.Fatal(err)
	}
	l.in.issuer = loaded.Issuers[0]
	t.Cleanup(func() { _ = l.in.store.Close() })
	l.noura = store.User{Issuer: "acme", ID: "usr_noura", Email: "noura@acme.example", Name: "Noura Haddad", PasswordHash: "$argon2id$noura"}
	l.omar = store.User{Issuer: "acme", ID: "usr_omar", Email: "omar@acme.example", Name: "Omar"}
	err = l.in.store.InTx(t.Context(), func(tx *store.Tx) error { return l.furnish(tx) })
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func (l *leaving) furnish(tx *store.Tx) error {
	later := tx.Now().Add(time.Hour)
	err := errors.Join(tx.CreateUser(l.noura), tx.CreateUser(l.omar),
		tx.CreateAccount(store.Account{Issuer: "acme", ID: "acc_own", Name: "Noura Haddad's Shop"}, l.noura.ID),
		tx.CreateAccount(store.Account{Issuer: "acme", ID: "acc_shared", Name: "Omar's Shop"}, l.omar.ID),
		tx.AddMember(store.Member{Issuer: "acme", AccountID: "acc_shared", UserID: l.noura.ID, Role: issuer.RoleAdmin}),
		tx.CreateClient(store.Client{Issuer: "acme", ID: "robot", Name: "Parcel Robot", Status: store.ClientActive}),
		tx.CreateSession(store.Session{Hash: store.Hash("s"), ID: "sid", Issuer: "acme", UserID: l.noura.ID, UserAgent: "Firefox", Address: "192.0.2.7", ExpiresAt: later}),
		tx.Invite(store.Invitation{Issuer: "acme", ID: "inv", TokenHash: store.Hash("i"), AccountID: "acc_shared", Email: l.noura.Email, InvitedBy: l.omar.ID, Role: issuer.RoleMember, ExpiresAt: later}),
		tx.Record(store.Event{Issuer: "acme", Type: store.EventUserSignedUp, UserID: l.noura.ID, Detail: map[string]string{"email": l.noura.Email}}),
		tx.Record(store.Event{Issuer: "acme", Type: store.EventMemberInvited, UserID: l.omar.ID, AccountID: "acc_shared", Detail: map[string]string{"email": l.noura.Email, "role": "admin"}}),
		tx.Record(store.Event{Issuer: "acme", Type: store.EventMemberJoined, UserID: l.noura.ID, AccountID: "acc_shared", Detail: map[string]string{"name": l.noura.Name, "email": l.noura.Email, "role": "admin"}}))
	for _, account := range []string{"acc_own", "acc_shared"} {
		grant, _, failed := tx.SaveConsent(store.Consent{Issuer: "acme", UserID: l.noura.ID, AccountID: account, ClientID: "robot", Allowed: oauth.ScopeSet{"reports"}})
		l.grant = grant
		err = errors.Join(err, failed)
	}
	return err
}

// wantForgotten reads a whole copy of the database, byte by byte.
func (l *leaving) wantForgotten() {
	l.Helper()
	l.folder.run(l.T, "backup", "--to", "after.db")
	after, err := os.ReadFile(filepath.Join(l.folder.folder, "after.db"))
	if err != nil {
		l.Fatal(err)
	}
	for _, personal := range []string{l.noura.Email, l.noura.Name, "$argon2id$noura", "192.0.2.7"} {
		if bytes.Contains(after, []byte(personal)) {
			l.Errorf("%q is still there", personal)
		}
	}
	for _, stays := range []string{"user.signed_up", "member.joined", "user.deleted", "omar@acme.example"} {
		if !bytes.Contains(after, []byte(stays)) {
			l.Errorf("%q is gone", stays)
		}
	}
	if events, err := l.in.store.EventsOfUser(l.Context(), "acme", l.noura.ID, store.LastEvent, 10); err != nil || len(events) > 0 {
		l.Errorf("events still name her: %v, %v", events, err)
	}
	if grant, err := l.in.store.Grant(l.Context(), "acme", l.grant.ID); err != nil || grant.RevokedAt.Never() {
		l.Errorf("her connection lives: %v", err)
	}
	if _, err := l.in.store.Account(l.Context(), "acme", "acc_own"); !errors.Is(err, store.ErrNotFound) {
		l.Errorf("her own account: %v", err)
	}
	if members, err := l.in.store.Members(l.Context(), "acme", "acc_shared"); err != nil || len(members) != 1 || members[0].UserID != l.omar.ID {
		l.Errorf("the other's account: %v, %v", members, err)
	}
}

// TestAUserIsForgotten: whatever step the command was interrupted after, it can be run again, and nothing of the person is left.
func TestAUserIsForgotten(t *testing.T) {
	for interrupted := range len((&farewell{}).steps(nil)) {
		l := newLeaving(t)
		f := &farewell{in: l.in, user: l.noura}
		for _, step := range f.steps(&program{err: &bytes.Buffer{}})[:interrupted] {
			if err := step(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if out := string(l.folder.run(t, "user", "delete", l.noura.Email, "--yes")); !strings.Contains(out, "noura@acme.example is forgotten") {
			t.Error(out)
		}
		l.wantForgotten()
	}
}

// TestTheLastOwnerHasAnHeir: an account that others are in never loses its last owner, and one that owns apps is not removed.
func TestTheLastOwnerHasAnHeir(t *testing.T) {
	l := newLeaving(t)
	refused := func(want string, args ...string) {
		t.Helper()
		cmd := l.folder.command(append([]string{"user", "delete", l.omar.Email}, args...)...)
		if out, _ := cmd.CombinedOutput(); cmd.ProcessState.ExitCode() != exitUsage || !strings.Contains(string(out), want) {
			t.Errorf("%v: %s", args, out)
		}
	}
	refused("is the last owner of the account acc_shared (Omar's Shop)", "--yes")
	refused("is the last owner", "--yes", "--new-owner", l.omar.Email)
	refused("repeat it with --yes", "--new-owner", l.noura.Email)
	err := l.in.store.InTx(t.Context(), func(tx *store.Tx) error {
		return errors.Join(tx.CreateAccount(store.Account{Issuer: "acme", ID: "acc_dev", Name: "Developer"}, l.omar.ID),
			tx.CreateClient(store.Client{Issuer: "acme", ID: "omars", AccountID: "acc_dev", Name: "Omar's app", Status: store.ClientActive}))
	})
	if err != nil {
		t.Fatal(err)
	}
	refused("owns the app omars", "--new-owner", l.noura.Email, "--yes")
	l.folder.run(t, "client", "delete", "omars", "--yes")
	out := string(l.folder.run(t, "user", "delete", l.omar.Email, "--new-owner", l.noura.Email, "--yes", "--json"))
	if !strings.Contains(out, `"acc_dev"`) || !strings.Contains(out, `"acc_shared"`) {
		t.Error(out)
	}
	if noura, err := l.in.store.Member(t.Context(), "acme", "acc_shared", l.noura.ID); err != nil || noura.Role != issuer.RoleOwner {
		t.Errorf("the heir: %v, %v", noura, err)
	}
}

// TestAUserIsExported: what is stored, and no secret.
func TestAUserIsExported(t *testing.T) {
	l := newLeaving(t)
	out := string(l.folder.run(t, "user", "export", l.noura.Email))
	for _, want := range []string{
		`"email": "noura@acme.example"`, `"name": "Noura Haddad's Shop"`, `"role": "admin"`, `"client_id": "robot"`, `"user_agent": "Firefox"`,
		`"address": "192.0.2.7"`, `"type": "member.joined"`, `"has_password": true`, `"sent_by_user": false`,
	} {
		if !strings.Contains(out, want) {
			t.Errorf("without %s:\n%s", want, out)
		}
	}
	if strings.Contains(out, "argon2id") {
		t.Error("the password's hash is in it")
	}
}
