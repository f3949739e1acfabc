package crash

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"latchkey.dev/tests/running"
)

var (
	kills = flag.Int("kills", 20, "how often the server is killed")
	seed  = flag.Uint64("seed", 0, "repeats the decisions of a run; 0 takes new ones")
)

const actors = 32

// binary is built once for all tests.
var binary string

func TestMain(m *testing.M) {
	flag.Parse()
	if *seed == 0 {
		*seed = uint64(time.Now().UnixNano())
	}
	os.Exit(running.Tests(m, &binary))
}

func artefacts(t *testing.T) string {
	t.Helper()
	folder, err := running.Artefacts("crash")
	if err != nil {
		t.Fatal(err)
	}
	return folder
}

// start runs the server on fresh data; what it prints is kept for people.
func start(t *testing.T, name string) *running.Dev {
	t.Helper()
	log, err := os.Create(filepath.Join(artefacts(t), name+".log"))
	if err != nil {
		t.Fatal(err)
	}
	server, err := running.StartDev(binary, t.TempDir(), log)
	if err != nil {
		t.Fatalf("%v: see artefacts/crash/%s.log", err, name)
	}
	t.Cleanup(func() {
		_ = server.Kill()
		if lost := lostRotations(t, log.Name()); lost > 0 && name != older {
			t.Errorf("%d refresh tokens were ahead of the database, which lost their rotations: see artefacts/crash/%s.log", lost, name)
		}
	})
	return server
}

// lostRotations counts what no client can see: a refresh token that is ahead of the database rotates all the same, and only the log tells.
func lostRotations(t *testing.T, log string) int {
	t.Helper()
	said, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Count(said, []byte("behind this refresh token"))
}

// company is the actors of one run.
type company []*actor

func newCompany(site running.Site, size int) company {
	all := make(company, size)
	for i := range all {
		all[i] = newActor(i, site, *seed)
	}
	return all
}

// each lets every actor do something at the same time.
func (c company) each(do func(*actor)) {
	var group sync.WaitGroup
	for _, a := range c {
		group.Go(func() { do(a) })
	}
	group.Wait()
}

// settleIn signs everybody up and connects their apps: passwords are slow on purpose, and would take up all the time before the first kill.
func (c company) settleIn(t *testing.T) {
	t.Helper()
	c.each(func(a *actor) {
		if err := a.signUp(); err != nil {
			_ = a.note(failed, "to begin with: %v", err)
		} else if err := a.connect(); err != nil {
			_ = a.note(failed, "to begin with: %v", err)
		}
	})
	c.explain(t, 0)
	if t.Failed() {
		t.FailNow()
	}
}

// perform lets all act until the server is killed at a moment that nobody knows.
func (c company) perform(t *testing.T, server *running.Dev, length time.Duration) {
	t.Helper()
	var killed atomic.Bool
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.each(func(a *actor) { a.run(&killed) })
	}()
	time.Sleep(length)
	killed.Store(true)
	c.kill(t, server)
	<-done
}

func (c company) kill(t *testing.T, server *running.Dev) {
	t.Helper()
	if err := server.Kill(); err != nil {
		t.Fatal(err)
	}
	for _, a := range c {
		a.transport.CloseIdleConnections()
	}
}

// figures sum up what all actors know.
type figures struct {
	acknowledged, lost, doubled, inconsistent, failed int
}

func (c company) figures() (f figures) {
	for _, a := range c {
		f.acknowledged += a.acknowledged
		for _, b := range a.broken {
			switch b.kind {
			case lost:
				f.lost++
			case doubled:
				f.doubled++
			case inconsistent:
				f.inconsistent++
			default:
				f.failed++
			}
		}
	}
	return f
}

func (f figures) String() string {
	return fmt.Sprintf("acknowledged=%d lost=%d doubled=%d inconsistent=%d failed=%d", f.acknowledged, f.lost, f.doubled, f.inconsistent, f.failed)
}

func (f figures) kept() bool { return f.lost+f.doubled+f.inconsistent+f.failed == 0 }

// Nothing that was acknowledged is lost and nothing is good twice, whenever the server dies.
func TestCrash(t *testing.T) {
	server := start(t, "crash")
	all := newCompany(server.Site, actors)
	all.settleIn(t)
	moments := rand.New(rand.NewPCG(*seed, 1<<32))
	began := time.Now()
	for kill := 1; kill <= *kills; kill++ {
		all.perform(t, server, time.Duration(100+moments.IntN(800))*time.Millisecond)
		if err := server.Restart(); err != nil {
			t.Fatalf("after kill %d: %v: see artefacts/crash/crash.log", kill, err)
		}
		all.each(func(a *actor) { a.check(kill == *kills) })
		if kill%10 == 0 || kill == *kills {
			fmt.Printf("crash: kills=%d %s seconds=%.0f\n", kill, all.figures(), time.Since(began).Seconds())
		}
		if !all.figures().kept() {
			all.explain(t, kill)
			return
		}
	}
	if told := all.figures().acknowledged; told < 10**kills {
		t.Errorf("only %d acknowledged in %d kills: too little happened to prove anything", told, *kills)
	}
}

// explain says which promises were broken to whom, and what those actors had written down.
func (c company) explain(t *testing.T, kill int) {
	t.Helper()
	for _, a := range c {
		for _, b := range a.broken {
			t.Errorf("kill %d, seed %d, %s (%s, %s): %s: %s\n%s", kill, *seed, a.name, a.app.ID, a.user.email, b.kind, b.what, &a.record)
		}
	}
}
