// Package register is dynamic client registration, RFC 7591 (and OpenID Connect Dynamic Client Registration 1.0, whose members it
// shares), and the management of what was registered, RFC 7592.
//
// Anybody may register, so an app that did is trusted with nothing: it has no owner, was not reviewed, and gets nothing without a
// person's consent. What anybody may do is bounded: registrations of one network address, and those that nobody ever connected,
// which are forgotten after a while.
package register
