package main

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"latchkey.dev/internal/store"
	"latchkey.dev/internal/yamlfile"
)

// sought says which events to list.
type sought struct {
	client, user, account, kind string
	since, before               string
	limit                       int
}

func (p *program) event() *cobra.Command {
	var s sought
	list := &cobra.Command{
		Use: "list", Short: "List what happened, newest first", Args: needs,
		Long: "List what happened, newest first: sign-ins, connections, changes of apps, people, accounts and keys. An index finds what happened to a\n" +
			"user or an account, however long ago. Without --user and --account all events since --since are looked at, so that a month with\n" +
			"millions of them takes its time. `events.keep` says how long they are kept. Refreshing a token is not one.",
		Example: "  latchkey event list --issuer acme --client app_k3Jd --since 7d --json\n" +
			"  latchkey event list --user noura@acme.example --type grant.revoked",
	}
	flags := list.Flags()
	flags.StringVar(&s.client, "client", "", "only those of the app with this `identifier`, which may be deleted by now")
	flags.StringVar(&s.user, "user", "", "only those of this user, by e-mail `address` or identifier")
	flags.StringVar(&s.account, "account", "", "only those of the account with this `identifier`")
	flags.StringVar(&s.kind, "type", "", "only those of this `type`, such as client.suspended")
	flags.StringVar(&s.since, "since", "", "only those of the last `time`, such as 90m or 7d; empty: 24h, and all with --user or --account")
	flags.StringVar(&s.before, "before", store.LastEvent, "go on after the event with this `identifier`")
	flags.Lookup("before").DefValue = ""
	flags.IntVar(&s.limit, "limit", 100, "at most so `many`")
	list.RunE = p.at(func(ctx context.Context, in *installation, _ []string) error { return p.eventList(ctx, in, s) })
	cmd := group("event", "What happened: the audit log", list)
	cmd.Example = list.Example
	return p.withIssuer(cmd)
}

// eventView is an event as it is printed.
type eventView struct {
	ID        string            `json:"id"`
	At        string            `json:"at"`
	Type      store.EventType   `json:"type"`
	UserID    string            `json:"user_id,omitempty"`
	AccountID string            `json:"account_id,omitempty"`
	ClientID  string            `json:"client_id,omitempty"`
	GrantID   string            `json:"grant_id,omitempty"`
	RequestID string            `json:"request_id,omitempty"`
	Address   string            `json:"address,omitempty"`
	Detail    map[string]string `json:"detail,omitempty"`
}

func viewEvent(e store.Event) eventView {
	return eventView{
		ID: e.ID, At: stamp(e.At), Type: e.Type, UserID: e.UserID, AccountID: e.AccountID, ClientID: e.ClientID, GrantID: e.GrantID,
		RequestID: e.RequestID, Address: e.Address, Detail: e.Detail,
	}
}

func (p *program) eventList(ctx context.Context, in *installation, s sought) error {
	if err := s.check(ctx, in); err != nil {
		return err
	}
	found, err := s.find(ctx, in)
	if err != nil {
		return err
	}
	views, rows := make([]eventView, len(found)), make([][]string, len(found))
	for i, e := range found {
		views[i] = viewEvent(e)
		rows[i] = []string{views[i].At, string(e.Type), e.UserID, e.AccountID, e.ClientID, e.Address, inWords(e.Detail)}
	}
	return p.show(map[string][]eventView{"events": views}, func() {
		p.table("AT | TYPE | USER | ACCOUNT | APP | ADDRESS | DETAIL", rows, "no events")
		if len(found) == s.limit {
			p.say("\nThere may be more: repeat it with --before %s", found[len(found)-1].ID)
		}
	})
}

func inWords(detail map[string]string) string {
	var words []string
	for _, name := range slices.Sorted(maps.Keys(detail)) {
		words = append(words, name+"="+detail[name])
	}
	return strings.Join(words, " ")
}

// check refuses what is never found, and turns the user into the identifier and the time into the first identifier of it.
func (s *sought) check(ctx context.Context, in *installation) error {
	if s.limit < 1 || s.limit > 10_000 {
		return usage("--limit must be from 1 to 10000")
	}
	if s.kind != "" && !slices.Contains(store.EventTypes, store.EventType(s.kind)) {
		return usage("--type %q is not a type of event: they are %s", s.kind, joined(store.EventTypes))
	}
	if _, err := store.ParseID(s.before); err != nil && s.before != store.LastEvent {
		return usage("--before %q is not the identifier of an event", s.before)
	}
	if s.user != "" {
		u, err := findUser(ctx, in, s.user)
		if err != nil {
			return err
		}
		s.user = u.ID
	}
	back := 24 * time.Hour
	switch {
	case s.since != "":
		var err error
		if back, err = yamlfile.ParseDuration(s.since); err != nil {
			return usage("--since %v", err)
		}
	case s.user != "" || s.account != "":
		s.since = ""
		return nil
	}
	s.since = store.FirstID(in.store.Now().Add(-back))
	return nil
}

// lookedAt is how many events are read at a time.
const lookedAt = 500

// find reads page after page until it has as many as it may have, or has seen all.
func (s *sought) find(ctx context.Context, in *installation) (found []store.Event, err error) {
	for before := s.before; before != ""; {
		var page []store.Event
		if page, before, err = s.page(ctx, in, before); err != nil {
			return nil, err
		}
		for _, e := range page {
			if e.ID < s.since { // and so are those that follow
				return found, nil
			}
			if s.fits(e) {
				found = append(found, e)
			}
			if len(found) == s.limit {
				return found, nil
			}
		}
	}
	return found, nil
}

func (s *sought) page(ctx context.Context, in *installation, before string) (page []store.Event, next string, err error) {
	switch {
	case s.user != "":
		page, err = in.store.EventsOfUser(ctx, in.issuer.Name, s.user, before, lookedAt)
	case s.account != "":
		page, err = in.store.EventsOfAccount(ctx, in.issuer.Name, s.account, before, lookedAt)
	default:
		return in.store.Events(ctx, in.issuer.Name, s.since, before, lookedAt)
	}
	if len(page) == lookedAt {
		next = page[lookedAt-1].ID
	}
	return page, next, err
}

func (s *sought) fits(e store.Event) bool {
	same := func(want, is string) bool { return want == "" || want == is }
	return same(s.client, e.ClientID) && same(s.account, e.AccountID) && same(s.kind, string(e.Type))
}
