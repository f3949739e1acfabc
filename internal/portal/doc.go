// Package portal is the pages of users: the apps that they connected, what happened, how they sign in, and the accounts that they
// share with others.
//
// Whatever changes is one transaction with its event in it. What somebody may do in an account is asked again inside that transaction,
// so that a role taken away a moment ago is gone, and a new password replaces only the one that was proven. Whether they are signed in
// is asked once, as the request begins. An account that somebody does not belong to answers as one that does not exist, and no
// answer tells whether an address has a user.
package portal
