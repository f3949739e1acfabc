package crash

import (
	"database/sql"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	_ "modernc.org/sqlite" // the driver of the product's own database

	"latchkey.dev/internal/store"
	"latchkey.dev/tests/running"
)

// sabotage breaks one promise to one actor in the data, and says what the checker must find of it: that kind and no other.
type sabotage struct {
	name    string
	prepare func(*saboteur, *actor) error
	// do breaks the promise while the server is down; nil breaks none.
	do func(*saboteur, *actor)
	// check is what the actor looks at; nil means everything.
	check func(*actor) error
	want  kind
	says  string
}

// saboteur works in the server's database.
type saboteur struct {
	t    *testing.T
	db   *sql.DB
	kept map[*actor]any // what prepare remembers for do
}

var sabotages = []sabotage{
	{name: "nothing is broken", prepare: use},
	{
		name: "the revocation of an access token is deleted", prepare: revokeMachine,
		do:   func(s *saboteur, a *actor) { s.exec("DELETE FROM revoked_tokens WHERE id = ?", s.kept[a]) },
		want: lost, says: "an app's own token is active: true",
	},
	{
		name: "the revocation of a refresh token is undone", prepare: then(use, func(a *actor) error { return a.revokeRefresh(a.connections[0]) }),
		do: func(s *saboteur, a *actor) {
			s.exec("UPDATE families SET revoked_at = 0 WHERE id = ?", familyOf(a.connections[0]))
		},
		want: lost, says: "a connection that ended is alive",
	},
	{
		name: "a disconnection is undone", prepare: then(use, (*actor).disconnect),
		do: func(s *saboteur, a *actor) {
			s.exec("UPDATE grants SET revoked_at = 0 WHERE user_id = (SELECT id FROM users WHERE email = ?)", a.user.email)
			s.exec("UPDATE families SET revoked_at = 0 WHERE id = ?", familyOf(a.connections[0]))
		},
		want: lost, says: "a connection that ended is alive: the app was disconnected",
	},
	{
		name: "a redeemed code is made unused", prepare: use,
		do: func(s *saboteur, a *actor) {
			s.exec("UPDATE codes SET used_at = 0 WHERE hash = ?", store.CodeHash(a.connections[0].code))
			s.exec("DELETE FROM families WHERE id = ?", familyOf(a.connections[0]))
		},
		check: func(a *actor) error { return a.replayCode(a.connections[0]) },
		want:  doubled, says: "a code was accepted twice",
	},
	{
		name: "a family of refresh tokens is set back", prepare: use,
		do: func(s *saboteur, a *actor) {
			s.exec("UPDATE families SET generation = generation - 2 WHERE id = ?", familyOf(a.connections[0]))
		},
		check: func(a *actor) error { return a.replayRefresh(a.connections[0]) },
		want:  doubled, says: "a refresh token that was used long ago was accepted again",
	},
	{
		name: "a consent is deleted", prepare: use,
		do: func(s *saboteur, a *actor) {
			s.exec("DELETE FROM grants WHERE user_id = (SELECT id FROM users WHERE email = ?)", a.user.email)
		},
		want: lost, says: "a consent that was acknowledged is asked for again",
	},
	{
		name: "a user is deleted", prepare: use,
		do:   func(s *saboteur, a *actor) { s.exec("DELETE FROM users WHERE email = ?", a.user.email) },
		want: lost, says: "cannot sign in with the password that was acknowledged",
	},
	{
		name: "a password is put back", prepare: changePasswordAfter,
		do: func(s *saboteur, a *actor) {
			s.exec("UPDATE users SET password_hash = ? WHERE email = ?", s.kept[a], a.user.email)
		},
		want: lost, says: "cannot sign in with the password that was acknowledged",
	},
	{
		name: "a session that was ended is put back", prepare: signOutAfter,
		do:   func(s *saboteur, _ *actor) { s.exec("INSERT OR IGNORE INTO sessions SELECT * FROM kept_sessions") }, //nolint:unqueryvet // whatever columns there are
		want: lost, says: "a session that was ended is alive",
	},
}

// use makes a user with one connection, refreshed thrice.
func use(_ *saboteur, a *actor) error {
	if err := a.signUp(); err != nil {
		return err
	}
	if err := a.connect(); err != nil {
		return err
	}
	for range 3 {
		if err := a.refresh(a.connections[0]); err != nil {
			return err
		}
	}
	return nil
}

func then(first func(*saboteur, *actor) error, second func(*actor) error) func(*saboteur, *actor) error {
	return func(s *saboteur, a *actor) error {
		if err := first(s, a); err != nil {
			return err
		}
		return second(a)
	}
}

func revokeMachine(s *saboteur, a *actor) error {
	if err := a.machineToken(); err != nil {
		return err
	}
	said, err := a.introspect(a.machines[0].token)
	if err != nil {
		return err
	}
	s.kept[a] = said.JTI
	return a.revokeMachineToken()
}

func changePasswordAfter(s *saboteur, a *actor) error {
	if err := use(s, a); err != nil {
		return err
	}
	s.kept[a] = s.text("SELECT password_hash FROM users WHERE email = ?", a.user.email)
	return a.changePassword()
}

func signOutAfter(s *saboteur, a *actor) error {
	if err := use(s, a); err != nil {
		return err
	}
	s.exec("CREATE TABLE kept_sessions AS SELECT * FROM sessions WHERE user_id = (SELECT id FROM users WHERE email = ?)", a.user.email) //nolint:unqueryvet // as above
	return a.signOut()
}

// familyOf is the id that a connection's refresh tokens carry.
func familyOf(c *connection) string {
	_, encoded, _ := strings.Cut(c.current(), "lk_rt_")
	raw, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil || len(raw) < 16 {
		return ""
	}
	return store.FormatID([16]byte(raw[:16]))
}

// open opens the database beside the server, or after it.
func (s *saboteur) open(server *running.Dev) {
	s.t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(server.Data, "latchkey.db")+"?_pragma=busy_timeout(5000)")
	if err != nil {
		s.t.Fatal(err)
	}
	s.db = db
}

func (s *saboteur) exec(statement string, values ...any) {
	s.t.Helper()
	result, err := s.db.Exec(statement, values...)
	if err != nil {
		s.t.Fatalf("%s: %v", statement, err)
	}
	if rows, _ := result.RowsAffected(); rows == 0 && !strings.HasPrefix(statement, "CREATE") {
		s.t.Errorf("%s: nothing was broken", statement)
	}
}

func (s *saboteur) text(query string, values ...any) (text string) {
	s.t.Helper()
	if err := s.db.QueryRow(query, values...).Scan(&text); err != nil {
		s.t.Fatalf("%s: %v", query, err)
	}
	return text
}

func (s *saboteur) close() {
	s.t.Helper()
	if err := s.db.Close(); err != nil {
		s.t.Fatal(err)
	}
}

func TestCheckerFindsBrokenPromises(t *testing.T) {
	server := start(t, "sabotage")
	s := &saboteur{t: t, kept: map[*actor]any{}}
	all := make(company, len(sabotages))
	s.open(server)
	for i, sabotage := range sabotages {
		all[i] = newActor(100+2*i, server.Site, *seed) // all with the app whose consent is remembered
		if err := sabotage.prepare(s, all[i]); err != nil || len(all[i].broken) > 0 {
			t.Fatalf("%s: %v %v", sabotage.name, err, all[i].broken)
		}
	}
	s.close()
	killAndBreak(t, s, server, all)
	for i, sabotage := range sabotages {
		t.Run(sabotage.name, func(t *testing.T) { sabotage.verify(t, all[i]) })
	}
}

func killAndBreak(t *testing.T, s *saboteur, server *running.Dev, all company) {
	t.Helper()
	all.kill(t, server)
	s.open(server)
	for i, sabotage := range sabotages {
		if sabotage.do != nil {
			sabotage.do(s, all[i])
		}
	}
	s.close()
	if err := server.Restart(); err != nil {
		t.Fatal(err)
	}
}

func (s sabotage) verify(t *testing.T, a *actor) {
	t.Helper()
	if s.check == nil {
		a.check(true)
	} else {
		a.unexpected(s.check(a))
	}
	found := s.says == ""
	for _, b := range a.broken {
		found = found || strings.Contains(b.what, s.says)
		if b.kind != s.want {
			t.Errorf("found %s: %s", b.kind, b.what)
		}
	}
	if !found {
		t.Errorf("did not find %s: %s, but %v", s.want, s.says, a.broken)
	}
}

// older names the run whose database is replaced.
const older = "older"

// A whole database from before: everything since is missed by its owner, but for rotations, which only the log misses.
func TestCheckerFindsOlderDatabase(t *testing.T) {
	server := start(t, older)
	all := newCompany(server.Site, 2)
	both := func(do func(*actor) error) {
		t.Helper()
		for _, a := range all {
			if err := do(a); err != nil {
				t.Fatal(err, a.broken)
			}
		}
	}
	both(func(a *actor) error { return use(nil, a) })
	all.kill(t, server)
	before := t.TempDir()
	copyDatabase(t, server.Data, before)
	if err := server.Restart(); err != nil {
		t.Fatal(err)
	}
	both(func(a *actor) error { return a.refresh(a.connections[0]) })
	both((*actor).connect)
	both(func(a *actor) error { return a.revokeRefresh(a.connections[1]) })
	all.kill(t, server)
	copyDatabase(t, before, server.Data)
	if err := server.Restart(); err != nil {
		t.Fatal(err)
	}
	for _, a := range all {
		a.unexpected(a.checkRefresh(a.connections[0]))
		a.unexpected(a.replayCode(a.connections[1]))
	}
	if f := all.figures(); f.lost != 2 || f.doubled != 0 || f.failed != 0 {
		t.Errorf("%s: want 2 lost and nothing else", f)
	}
	if lost := lostRotations(t, filepath.Join(artefacts(t), older+".log")); lost < 2 {
		t.Errorf("the log tells of %d rotations that were lost, want one an actor", lost)
	}
}

// copyDatabase replaces a database by another, with what stands in its log.
func copyDatabase(t *testing.T, from, to string) {
	t.Helper()
	for _, name := range []string{"latchkey.db", "latchkey.db-wal", "latchkey.db-shm"} {
		content, err := os.ReadFile(filepath.Join(from, name))
		if os.IsNotExist(err) {
			_ = os.Remove(filepath.Join(to, name)) // it may not be there either
			continue
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(to, name), content, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}
