// Package bench measures a Latchkey server and, in the same run, what the machine itself can do: a net/http server that gets
// the operation's last request and answers a fixed body of its answer's size, a signature, a durable commit. Every figure then also
// reads as a share of the machine's limit, and two machines, or a busy one, can be compared.
//
// The server runs in a process of its own, so that its processor time and memory are told apart from the load's.
package bench
