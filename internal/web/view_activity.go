package web

import "time"

// EventKind is what happened. Each has its sentence in every language; another kind is shown as its name.
type EventKind string

// The events that the user's activity page words.
const (
	EventSignedIn         EventKind = "signed_in"
	EventSignedOut        EventKind = "signed_out"
	EventSignedUp         EventKind = "signed_up"
	EventUserCreated      EventKind = "user_created" // signed up by the platform
	EventPasswordChanged  EventKind = "password_changed"
	EventPasswordReset    EventKind = "password_reset"
	EventPasswordSet      EventKind = "password_set" // by the platform
	EventSessionEnded     EventKind = "session_ended"
	EventConnected        EventKind = "connected"
	EventConsentChanged   EventKind = "consent_changed"
	EventDenied           EventKind = "denied"
	EventTokenRevoked     EventKind = "token_revoked" // by the app itself
	EventReplayed         EventKind = "replayed"      // a spent code or refresh token came again: access was ended
	EventDisconnected     EventKind = "disconnected"
	EventAccountCreated   EventKind = "account_created"
	EventAccountProvided  EventKind = "account_provided" // created by the platform
	EventMemberInvited    EventKind = "member_invited"
	EventMemberJoined     EventKind = "member_joined"
	EventMemberRole       EventKind = "member_role"
	EventMemberRemoved    EventKind = "member_removed"
	EventInvitationRevoke EventKind = "invitation_revoked"
	EventAccountRenamed   EventKind = "account_renamed"
	EventAccessGiven      EventKind = "access_given" // the app redeemed a code
	EventAccessEnded      EventKind = "access_ended" // not by the user: with their membership, or by the platform
	EventSuspended        EventKind = "suspended"
	EventResumed          EventKind = "resumed"

	EventServiceAccountMade EventKind = "service_account_made"
	EventServiceKeyAdded    EventKind = "service_key_added"
	EventServiceKeysEnding  EventKind = "service_keys_ending" // rotated: the earlier ones are good for a while
	EventServiceKeysRemoved EventKind = "service_keys_removed"
)

// eventKinds lists every EventKind, for the tests of the message files.
func eventKinds() []EventKind {
	return []EventKind{
		EventSignedIn, EventSignedOut, EventSignedUp, EventUserCreated, EventPasswordChanged, EventPasswordReset, EventPasswordSet,
		EventSessionEnded, EventConnected, EventConsentChanged, EventDenied, EventTokenRevoked, EventReplayed,
		EventDisconnected, EventAccountCreated, EventAccountProvided, EventMemberInvited, EventMemberJoined, EventMemberRole, EventMemberRemoved,
		EventInvitationRevoke, EventAccountRenamed, EventAccessGiven, EventAccessEnded, EventSuspended, EventResumed, EventServiceAccountMade, EventServiceKeyAdded,
		EventServiceKeysEnding, EventServiceKeysRemoved,
	}
}

// Event is one line of what happened. Fields that a kind's sentence does not mention may stay empty.
type Event struct {
	Kind    EventKind
	At      time.Time
	App     App
	Account Account
	Person  string // the member that an account's event is about: name or address
	Role    string // of that member
	Address string // IP address
}

// EventFilter narrows the activity page.
type EventFilter string

// The filters.
const (
	FilterAll      EventFilter = ""
	FilterApps     EventFilter = "apps"
	FilterSignIn   EventFilter = "sign_in"
	FilterAccounts EventFilter = "accounts"
)

// Activity lists what happened, newest first. The filter is a GET of /activity with show=<filter>.
type Activity struct {
	Events []Event
	Filter EventFilter
	Paging Paging
}

func (v Activity) page() meta {
	return meta{template: "activity", layout: portalLayout, title: say("activity.title"), section: SectionActivity}
}

// Filters lists the filters in the order they are offered.
func (v Activity) Filters() []EventFilter {
	return []EventFilter{FilterAll, FilterApps, FilterSignIn, FilterAccounts}
}

func filterLabel(f EventFilter) string {
	if f == FilterAll {
		return "activity.show.all"
	}
	return "activity.show." + string(f)
}

// eventIcon names the icon beside an event.
func eventIcon(kind EventKind) string {
	switch kind {
	case EventConnected, EventConsentChanged, EventAccessGiven:
		return "link"
	case EventDisconnected, EventDenied, EventTokenRevoked, EventAccessEnded:
		return "unlink"
	case EventReplayed, EventSuspended:
		return "alert"
	case EventPasswordChanged, EventPasswordReset, EventPasswordSet, EventServiceAccountMade, EventServiceKeyAdded, EventServiceKeysEnding, EventServiceKeysRemoved:
		return "key"
	case EventAccountCreated, EventAccountProvided, EventMemberInvited, EventMemberJoined, EventMemberRole, EventMemberRemoved, EventInvitationRevoke, EventAccountRenamed:
		return "users"
	}
	return "user"
}
