package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/store"
)

func (p *program) userDelete() *cobra.Command {
	var heir string
	var sure bool
	cmd := &cobra.Command{
		Use: "delete USER", Short: "Forget a user: sign-ins, connections, accounts of their own, and their name in the audit log", Args: needs,
		Long: "Forget a user. Sign-ins and connections end, accounts that nobody else is in go with the user, and so do invitations. The audit log keeps\n" +
			"what happened and when, and no longer who: all of it is looked at, which takes its time where there are millions of events. An account\n" +
			"that others are in stays; if the user is its last owner, say with --new-owner which member becomes one. An account that owns apps does\n" +
			"not go: remove them first, with `latchkey client delete`. It cannot be undone: it asks for --yes. One that was interrupted can be run again.",
		Example: "  latchkey user delete noura@acme.example --issuer acme --yes\n" +
			"  latchkey user delete noura@acme.example --new-owner omar@acme.example --yes",
	}
	cmd.Flags().StringVar(&heir, "new-owner", "", "`user` who becomes an owner of accounts that would have none")
	cmd.Flags().BoolVar(&sure, "yes", false, "really forget the user")
	cmd.RunE = p.at(func(ctx context.Context, in *installation, args []string) error {
		return p.deleteUser(ctx, in, args[0], heir, sure)
	})
	return cmd
}

// farewell is one person being forgotten.
type farewell struct {
	in    *installation
	user  store.User
	heir  store.User // who becomes an owner where the person is the last one
	alone []string
	left  []string

	ended int64 // connections
}

func (p *program) deleteUser(ctx context.Context, in *installation, name, heir string, sure bool) error {
	f := &farewell{in: in}
	var err error
	if f.user, err = findUser(ctx, in, name); err != nil {
		return err
	}
	if heir != "" {
		if f.heir, err = findUser(ctx, in, heir); err != nil {
			return err
		}
	}
	if err := f.plan(ctx); err != nil {
		return err
	}
	if !sure {
		return usage("this forgets %s for good, ends connections, and removes the accounts %s: repeat it with --yes, or use `latchkey user suspend %s`",
			printable(f.user.Email), names(f.alone), f.user.ID)
	}
	for _, step := range f.steps(p) {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return p.show(map[string]any{"id": f.user.ID, "deleted": true, "connections_ended": f.ended, "accounts_deleted": f.alone, "accounts_left": f.left}, func() {
		p.say("%s is forgotten; connections ended: %d; accounts removed: %s; accounts left: %s", printable(f.user.Email), f.ended, names(f.alone), names(f.left))
	})
}

func names(of []string) string {
	if len(of) == 0 {
		return "none"
	}
	return strings.Join(of, ", ")
}

// plan looks at every account before anything is changed, and refuses what only the operator can decide.
func (f *farewell) plan(ctx context.Context) error {
	f.alone, f.left = []string{}, []string{}
	memberships, err := f.in.store.Memberships(ctx, f.user.Issuer, f.user.ID)
	if err != nil {
		return err
	}
	for _, m := range memberships {
		members, err := f.in.store.Members(ctx, f.user.Issuer, m.AccountID)
		if err != nil {
			return err
		}
		if len(members) > 1 {
			f.left = append(f.left, m.AccountID)
			if err := f.inherits(m, members); err != nil {
				return err
			}
			continue
		}
		f.alone = append(f.alone, m.AccountID)
		apps, err := f.in.store.ClientsOfAccount(ctx, f.user.Issuer, m.AccountID, 1)
		if err != nil {
			return err
		}
		if len(apps) > 0 {
			return usage("the account %s (%s) would go with the user, and owns the app %s: remove its apps first, with `latchkey client delete`",
				m.AccountID, printable(m.AccountName), apps[0].ID)
		}
	}
	return nil
}

// inherits refuses to leave an account without an owner.
func (f *farewell) inherits(m store.Membership, members []store.MemberDetail) error {
	heir := false
	for _, other := range members {
		if other.UserID == f.user.ID {
			continue
		}
		if other.Role == issuer.RoleOwner {
			return nil
		}
		heir = heir || other.UserID == f.heir.ID
	}
	if m.Role == issuer.RoleOwner && !heir {
		return usage("%s is the last owner of the account %s (%s), which others are in: say with --new-owner which of its members becomes one",
			printable(f.user.Email), m.AccountID, printable(m.AccountName))
	}
	return nil
}

// steps are what forgetting takes, each safe to run again: the row of the user goes last, so that the command finds its way back.
func (f *farewell) steps(p *program) []func(context.Context) error {
	return []func(context.Context) error{
		func(ctx context.Context) error { // from here on nothing new begins in the user's name
			return f.in.store.InTx(ctx, func(tx *store.Tx) error {
				return errors.Join(tx.SuspendUser(f.user.Issuer, f.user.ID, true), tx.ForgetSignIns(f.user))
			})
		},
		func(ctx context.Context) (err error) {
			f.ended, err = p.endConnections(ctx, f.in, 0, func(tx *store.Tx) (int64, error) {
				return tx.DisconnectUser(f.user.Issuer, f.user.ID, "", store.ReasonOperator)
			})
			return err
		},
		f.leaveAccounts,
		f.forgetMentions,
		f.forgetEvents,
		f.remove,
	}
}

func (f *farewell) leaveAccounts(ctx context.Context) error {
	for {
		memberships, err := f.in.store.Memberships(ctx, f.user.Issuer, f.user.ID)
		if err != nil || len(memberships) == 0 {
			return err
		}
		for _, m := range memberships {
			err := f.in.store.InTx(ctx, func(tx *store.Tx) error { return f.leave(tx, m.AccountID) })
			if errors.Is(err, store.ErrConflict) {
				return refuse(exitConflict, "the account %s changed meanwhile: run the command again", m.AccountID)
			}
			if err != nil {
				return err
			}
		}
	}
}

// leave takes the user out of an account: where the store refuses to take its last owner, the account goes, or somebody else becomes one.
func (f *farewell) leave(tx *store.Tx, account string) error {
	err := f.resign(tx, account)
	if !errors.Is(err, store.ErrConflict) {
		return err
	}
	if err = tx.DeleteAccount(f.user.Issuer, account, f.user.ID); !errors.Is(err, store.ErrConflict) || f.heir.ID == "" {
		return err
	}
	if err := tx.SetRole(f.user.Issuer, account, f.heir.ID, issuer.RoleOwner); err != nil {
		return err
	}
	err = tx.Record(store.Event{
		Issuer: f.user.Issuer, Type: store.EventMemberRoleChanged, UserID: f.heir.ID, AccountID: account,
		Detail: map[string]string{"name": f.heir.Name, "role": string(issuer.RoleOwner), "reason": store.ReasonOperator},
	})
	return errors.Join(err, f.resign(tx, account))
}

func (f *farewell) resign(tx *store.Tx, account string) error {
	ended, err := tx.RemoveMember(f.user.Issuer, account, f.user.ID, oauth.ReasonMemberRemoved)
	if err != nil {
		return err
	}
	for _, grant := range ended {
		if err := tx.Record(store.GrantRevoked(grant)); err != nil {
			return err
		}
	}
	return tx.Record(store.Event{Issuer: f.user.Issuer, Type: store.EventMemberRemoved, AccountID: account, Detail: byOperator()})
}

// forgetMentions looks through the whole audit log for what others did and that names the user.
func (f *farewell) forgetMentions(ctx context.Context) error {
	for before := store.LastEvent; before != ""; {
		page, next, err := f.in.store.Events(ctx, f.user.Issuer, "", before, lookedAt)
		if err != nil {
			return err
		}
		err = f.in.store.InTx(ctx, func(tx *store.Tx) error {
			for _, e := range page {
				if e.UserID == f.user.ID || e.Detail["email"] != f.user.Email {
					continue
				}
				if err := tx.ForgetMention(e); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("looking through the audit log: %w", err)
		}
		before = next
	}
	return nil
}

func (f *farewell) forgetEvents(ctx context.Context) error {
	for {
		var rows int64
		err := f.in.store.InTx(ctx, func(tx *store.Tx) (err error) {
			rows, err = tx.ForgetEvents(f.user.Issuer, f.user.ID)
			return err
		})
		if err != nil || rows == 0 {
			return err
		}
	}
}

// remove is the end. An app whose token was refused a moment ago may have left one more event.
func (f *farewell) remove(ctx context.Context) error {
	err := f.in.store.InTx(ctx, func(tx *store.Tx) error {
		if err := tx.DeleteUser(f.user.Issuer, f.user.ID); err != nil {
			return err
		}
		_, err := tx.ForgetEvents(f.user.Issuer, f.user.ID)
		return errors.Join(err, tx.Record(store.Event{Issuer: f.user.Issuer, Type: store.EventUserDeleted, Detail: byOperator()}))
	})
	if errors.Is(err, store.ErrConflict) {
		return refuse(exitConflict, "%s became a member of an account meanwhile: run the command again", printable(f.user.Email))
	}
	return err
}
