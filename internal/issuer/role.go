package issuer

import "slices"

// Role is what a member may do for an account.
type Role string

// Owners and admins are everywhere, and manage the account. Below them an issuer has the roles of its platform: members, unless
// it names others.
const (
	RoleOwner  Role = "owner"
	RoleAdmin  Role = "admin"
	RoleMember Role = "member"
)

// Manages tells whether the role may invite, change and remove members.
func (r Role) Manages() bool { return r == RoleOwner || r == RoleAdmin }

// Roles are all that a member can have here, the least first.
func (i *Issuer) Roles() []Role {
	roles := slices.Clone(i.MemberRoles)
	if len(roles) == 0 {
		roles = []Role{RoleMember}
	}
	slices.Reverse(roles)
	return append(roles, RoleAdmin, RoleOwner)
}

// HasRole tells whether a member can have the role here.
func (i *Issuer) HasRole(role Role) bool { return slices.Contains(i.Roles(), role) }
