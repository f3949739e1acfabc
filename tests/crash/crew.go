package crash

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"

	"latchkey.dev/tests/running"
)

// Crew is actors who go on while the server is in trouble: 503 and a broken connection are allowed, and leave open whether what was
// asked for happened. They find out before they do anything else.
type Crew struct {
	actors []*actor
	seed   uint64
}

// NewCrew makes actors on a site; the seed repeats a run's decisions.
func NewCrew(site running.Site, size int, seed uint64) *Crew {
	c := &Crew{seed: seed}
	for i := range size {
		a := newActor(i, site, seed)
		a.patient = true
		c.actors = append(c.actors, a)
	}
	return c
}

func (c *Crew) each(do func(*actor)) {
	var group sync.WaitGroup
	for _, a := range c.actors {
		group.Go(func() { do(a) })
	}
	group.Wait()
}

// SettleIn signs everybody up and connects their apps, before any trouble.
func (c *Crew) SettleIn() {
	c.each(func(a *actor) {
		if err := a.signUp(); err != nil {
			_ = a.note(failed, "to begin with: %v", err)
		} else if err := a.connect(); err != nil {
			_ = a.note(failed, "to begin with: %v", err)
		}
	})
}

// Work lets all act until ctx ends.
func (c *Crew) Work(ctx context.Context) {
	c.each(func(a *actor) {
		for ctx.Err() == nil {
			if err := a.carryOn(); err != nil {
				if !errors.Is(err, running.ErrNoMail) {
					a.waits = append(a.waits, err)
				}
				a.noteUnlessPatient(err)
				time.Sleep(20 * time.Millisecond)
			}
		}
	})
}

// carryOn finds out what is unknown, or does the next thing.
func (a *actor) carryOn() error {
	if a.unknown != "" {
		return a.findOut()
	}
	err := a.step()
	if err == nil || errors.Is(err, errBroken) {
		return nil
	}
	switch {
	case a.pending != "":
		a.unknown = a.pending
	case !a.user.signedUp: // the code in the mail is perhaps gone with a node
		a.newPerson()
	}
	return err
}

// findOut waits first: what a killed node had sent to its database may be carried out there after it, before the database looks
// whether anybody still listens. What was not acknowledged may happen late, but not after what comes later was served promptly.
func (a *actor) findOut() error {
	if err := a.calm(); err != nil {
		return err
	}
	a.pending = a.unknown
	err := a.settle()
	if err == nil || errors.Is(err, errBroken) {
		a.unknown = ""
		return nil
	}
	return err
}

// calm: a read of the database is served promptly, and half a second has passed since.
func (a *actor) calm() error {
	began := time.Now()
	said, err := a.ask(a.site.Acme.Client("nightly-reports"), "/oauth/token", url.Values{"grant_type": {"client_credentials"}})
	if err == nil {
		_, err = a.introspect(said.AccessToken)
	}
	if err == nil && time.Since(began) > time.Second {
		err = errUnavailable
	}
	if err == nil {
		time.Sleep(500 * time.Millisecond)
	}
	return err
}

// noteUnlessPatient: a person's pages are not all read through browse; an error there tells the status.
func (a *actor) noteUnlessPatient(err error) {
	if strings.Contains(err.Error(), " (5") && !strings.Contains(err.Error(), " (503)") {
		_ = a.note(failed, "%v", err)
	}
}

// Check holds the server to all that it acknowledged, once the trouble is over.
func (c *Crew) Check() {
	c.each(func(a *actor) {
		for range 200 {
			if a.unknown == "" || a.findOut() == nil {
				break
			}
			time.Sleep(50 * time.Millisecond)
		}
		if a.unknown != "" {
			_ = a.note(failed, "after the trouble it cannot be found out whether there was a %s", a.unknown)
			return
		}
		a.pending = ""
		a.check(true)
	})
}

// Waits are the times that an actor met 503 or a broken connection.
func (c *Crew) Waits() (all []error) {
	for _, a := range c.actors {
		all = append(all, a.waits...)
	}
	return all
}

// Acknowledged is how many acts were.
func (c *Crew) Acknowledged() (total int) {
	for _, a := range c.actors {
		total += a.acknowledged
	}
	return total
}

// Broken lists each promise that was not kept: lost, doubled, inconsistent or failed, to whom, and what that actor had written down.
func (c *Crew) Broken() (all []string) {
	for _, a := range c.actors {
		for _, b := range a.broken {
			all = append(all, fmt.Sprintf("seed %d, %s (%s, %s): %s: %s\n%s", c.seed, a.name, a.app.ID, a.user.email, b.kind, b.what, a.String()))
		}
	}
	return all
}
