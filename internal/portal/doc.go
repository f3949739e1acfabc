// Package portal is the pages of users: the apps that they connected, what happened, how they sign in, and the accounts that they
// share with others.
//
// Whatever changes is one transaction with its event in it. Who may do what is asked again inside that transaction, so that a
// right taken away a moment ago is gone. An account that somebody does not belong to answers as one that does not exist, and no
// answer tells whether an address has a user.
package portal
