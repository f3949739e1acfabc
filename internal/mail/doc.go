// Package mail writes mails to people and sends them. A mail is queued in the transaction that it tells about, sealed, because
// it may carry a code; a Sender takes it from there to a Transport until it is delivered or a day old.
//
// RFC 5322 (message format), RFC 3207 (STARTTLS), RFC 8314 (TLS is required).
package mail
