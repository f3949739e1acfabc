package portal

import (
	"cmp"
	"net/http"
	"net/url"

	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/store"
	"latchkey.dev/internal/web"
	"latchkey.dev/internal/wire"
)

const (
	activityPage = 50  // events on a page
	activityRead = 200 // events in one read
	// activityReads bounds how far one request looks for events of a kind that is rare; the next page goes on from there.
	activityReads = 10
)

// told is how an event is told to its user, and under which filter.
type told struct {
	kind   web.EventKind
	filter web.EventFilter
}

// tellings says how each type of event is told. Those that are not here are not a user's matter.
var tellings = map[store.EventType]told{
	store.EventUserSignedUp:        {web.EventSignedUp, web.FilterSignIn},
	store.EventUserSignedIn:        {web.EventSignedIn, web.FilterSignIn},
	store.EventUserSignedOut:       {web.EventSignedOut, web.FilterSignIn},
	store.EventPasswordChanged:     {web.EventPasswordChanged, web.FilterSignIn},
	store.EventPasswordReset:       {web.EventPasswordReset, web.FilterSignIn},
	store.EventSessionEnded:        {web.EventSessionEnded, web.FilterSignIn},
	store.EventUserSuspended:       {web.EventSuspended, web.FilterSignIn},
	store.EventUserResumed:         {web.EventResumed, web.FilterSignIn},
	store.EventAccountCreated:      {web.EventAccountCreated, web.FilterAccounts},
	store.EventAccountRenamed:      {web.EventAccountRenamed, web.FilterAccounts},
	store.EventMemberInvited:       {web.EventMemberInvited, web.FilterAccounts},
	store.EventInvitationWithdrawn: {web.EventInvitationRevoke, web.FilterAccounts},
	store.EventMemberJoined:        {web.EventMemberJoined, web.FilterAccounts},
	store.EventMemberRoleChanged:   {web.EventMemberRole, web.FilterAccounts},
	store.EventMemberRemoved:       {web.EventMemberRemoved, web.FilterAccounts},
	store.EventGrantCreated:        {web.EventConnected, web.FilterApps},
	store.EventGrantChanged:        {web.EventConsentChanged, web.FilterApps},
	store.EventGrantRevoked:        {web.EventDisconnected, web.FilterApps},
	store.EventGrantDenied:         {web.EventDenied, web.FilterApps},
	store.EventTokenIssued:         {web.EventAccessGiven, web.FilterApps},
	store.EventCodeReplayed:        {web.EventReplayed, web.FilterApps},
	store.EventRefreshTokenReused:  {web.EventReplayed, web.FilterApps},
	store.EventTokenRevoked:        {web.EventTokenRevoked, web.FilterApps},

	store.EventServiceAccountCreated: {web.EventServiceAccountMade, web.FilterApps},
	store.EventServiceKeyAdded:       {web.EventServiceKeyAdded, web.FilterApps},
	store.EventServiceKeysExpired:    {web.EventServiceKeysEnding, web.FilterApps},
	store.EventServiceKeysRemoved:    {web.EventServiceKeysRemoved, web.FilterApps},
}

// Activity lists what the user and their apps did, newest first: GET /activity?show=&before=.
func (p *Portal) Activity(w http.ResponseWriter, r *http.Request) error {
	return p.forUser(w, r, func(v *visit) error {
		query, err := wire.Query(r)
		if err != nil {
			return err
		}
		before := query.Get("before")
		if _, err := store.ParseID(before); err != nil {
			before = store.LastEvent
		}
		return p.activity(v, filterNamed(query.Get("show")), before)
	})
}

// filterNamed takes an unknown filter for none.
func filterNamed(name string) web.EventFilter {
	for _, known := range (web.Activity{}).Filters() {
		if string(known) == name {
			return known
		}
	}
	return web.FilterAll
}

func (p *Portal) activity(v *visit, filter web.EventFilter, before string) error {
	events, next, err := p.eventsOf(v, filter, before)
	if err != nil {
		return err
	}
	page, names := web.Activity{Filter: filter}, p.names(v.r.Context())
	for _, event := range events {
		line, err := names.event(event)
		if err != nil {
			return err
		}
		page.Events = append(page.Events, line)
	}
	page.Paging = activityPaging(filter, before, next)
	return p.render(v, page)
}

// eventsOf collects one page of events, and the place where the next one goes on; "" when there is none.
func (p *Portal) eventsOf(v *visit, filter web.EventFilter, before string) (page []store.Event, next string, err error) {
	for range activityReads {
		read, err := p.Store.EventsOfUser(v.r.Context(), p.Issuer.Name, v.who.UserID, before, activityRead)
		if err != nil {
			return nil, "", err
		}
		for i, event := range read {
			before = event.ID
			if telling, ok := tellings[event.Type]; !ok || filter != web.FilterAll && telling.filter != filter {
				continue
			}
			if page = append(page, event); len(page) == activityPage {
				if i == len(read)-1 && len(read) < activityRead {
					return page, "", nil
				}
				return page, before, nil
			}
		}
		if len(read) < activityRead {
			return page, "", nil
		}
	}
	return page, before, nil
}

// event puts one event into the words of its user.
func (n *names) event(event store.Event) (web.Event, error) {
	app, err := n.app(event.ClientID)
	if err != nil {
		return web.Event{}, err
	}
	account, err := n.account(event.AccountID)
	if err != nil {
		return web.Event{}, err
	}
	return web.Event{
		Kind: kindOf(event), At: event.At.Time(), App: app.App, Account: account, Address: event.Address,
		Person: cmp.Or(event.Detail["name"], event.Detail["email"]), Role: event.Detail["role"],
	}, nil
}

// byOperator is how what the platform did for a user is told.
var byOperator = map[store.EventType]web.EventKind{
	store.EventUserSignedUp:    web.EventUserCreated,
	store.EventAccountCreated:  web.EventAccountProvided,
	store.EventPasswordChanged: web.EventPasswordSet,
}

// kindOf: only what the user did or ended themselves is told as their own doing.
func kindOf(event store.Event) web.EventKind {
	reason := event.Detail["reason"]
	if event.Type == store.EventGrantRevoked && reason != oauth.ReasonRevokedByUser {
		return web.EventAccessEnded
	}
	if kind, ok := byOperator[event.Type]; ok && reason == store.ReasonOperator {
		return kind
	}
	return tellings[event.Type].kind
}

func activityPaging(filter web.EventFilter, before, next string) web.Paging {
	link := func(before string) string {
		query := url.Values{}
		if filter != web.FilterAll {
			query.Set("show", string(filter))
		}
		if before != "" {
			query.Set("before", before)
		}
		if len(query) == 0 {
			return "/activity"
		}
		return "/activity?" + query.Encode()
	}
	var paging web.Paging
	if before != store.LastEvent {
		paging.Previous = link("")
	}
	if next != "" {
		paging.Next = link(next)
	}
	return paging
}
