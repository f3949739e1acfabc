package web

import (
	"cmp"
	"time"
)

// AccountRow is one account of the user.
type AccountRow struct {
	Account Account
	Role    string
	Members int
	Apps    int
}

// Accounts lists the accounts that the user is a member of.
type Accounts struct {
	Accounts []AccountRow
	Create   bool // offer /accounts/new
	// Exchanges offers /exchanges: this platform has service accounts that people's consent makes.
	Exchanges bool
	Paging    Paging
}

func (v Accounts) page() meta {
	return meta{template: "accounts", layout: portalLayout, title: say("accounts.title"), section: SectionAccounts}
}

// Member is a member of an account.
type Member struct {
	UserID string
	Name   string
	Email  string
	Role   string
	You    bool
	Fixed  bool // the visitor's role may not change or remove them
}

// PendingInvitation waits for its answer.
type PendingInvitation struct {
	ID        string
	Email     string
	Role      string
	ExpiresAt time.Time
	Fixed     bool // the visitor's role may not send it again or withdraw it
}

// AccountNotice is what was just done on an account's page.
type AccountNotice string

// The notices.
const (
	NoticeAccountCreated    AccountNotice = "created"
	NoticeAccountRenamed    AccountNotice = "renamed"
	NoticeRoleChanged       AccountNotice = "role_changed"
	NoticeMemberRemoved     AccountNotice = "member_removed"
	NoticeInvitationRevoked AccountNotice = "invitation_revoked"
	NoticeInvitationAgain   AccountNotice = "invitation_again"
	NoticeJoined            AccountNotice = "joined"
)

// AccountDetail shows one account. Its forms post to /accounts/<id> with action= rename (account_name), invite (email, role), change-role (member, role),
// remove-member (member), revoke-invitation (invitation), resend-invitation (invitation).
type AccountDetail struct {
	Account     Account
	Role        string   // the user's
	Manage      bool     // may invite, change and remove
	Roles       []string // that the user may give; empty: owner, admin, member
	Members     []Member
	Invitations []PendingInvitation
	Connections []Connection // apps connected to the account by anyone
	Notice      AccountNotice
	Errors      Errors // FieldAccountName, FieldEmail, FieldRole
	NewName     string // what was typed; empty: the account's name
	InviteEmail string // what was typed
	InviteRole  string
}

func (v AccountDetail) page() meta {
	return meta{template: "account", layout: portalLayout, title: say("account.title", "account", v.Account.Name), problem: len(v.Errors) > 0, section: SectionAccounts}
}

// NameTyped is what the field of the account's name holds.
func (v AccountDetail) NameTyped() string { return cmp.Or(v.NewName, v.Account.Name) }

// Choices lists the roles that the user may give.
func (v AccountDetail) Choices() []string {
	if len(v.Roles) > 0 {
		return v.Roles
	}
	return []string{RoleMember, RoleAdmin, RoleOwner}
}

// InvitationState is whether an invitation can be accepted.
type InvitationState string

// The states of an invitation.
const (
	InvitationValid     InvitationState = ""
	InvitationWrongUser InvitationState = "wrong_user" // it is for another address than the signed-in user's
	InvitationExpired   InvitationState = "expired"    // or revoked
	InvitationUsed      InvitationState = "used"
)

// Invitation asks whether to join an account. It posts action=accept or action=decline to /invitations/<Token>;
// for the wrong user action=other-user.
type Invitation struct {
	Token   string
	State   InvitationState
	Account Account
	Role    string
	Inviter string // name of who invited; empty: not said
	Email   string // the address it was sent to
}

func (v Invitation) page() meta {
	m := meta{template: "invitation", layout: cardLayout, title: say("invitation.title", "account", v.Account.Name)}
	switch v.State {
	case InvitationWrongUser:
		m.title, m.problem = say("invitation.wrong_user_title"), true
	case InvitationExpired:
		m.title, m.problem = say("invitation.expired_title"), true
	case InvitationUsed:
		m.title, m.problem = say("invitation.used_title"), true
	}
	return m
}

// InvitationSent says that an invitation is on its way.
type InvitationSent struct {
	Account   Account
	Email     string
	Role      string
	ExpiresAt time.Time
}

func (v InvitationSent) page() meta {
	return meta{template: "invitation-sent", layout: portalLayout, title: say("invitation_sent.title"), section: SectionAccounts}
}

// RemoveMember asks before a member is removed. It posts action=remove-member, member=<id> and confirm=yes to /accounts/<id>.
type RemoveMember struct {
	Account Account
	Member  Member
	Apps    int // how many apps the member connected to the account: they stop
}

func (v RemoveMember) page() meta {
	return meta{template: "remove-member", layout: portalLayout, title: say("remove_member.title", "person", v.Member.Name, "account", v.Account.Name), section: SectionAccounts}
}
