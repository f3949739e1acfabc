// Package wire reads requests strictly and writes answers uniformly. It is the
// only place that parses a body: a parameter given twice, bytes that are not
// text, and anything larger than a request of ours can be are refused here,
// once, for every endpoint.
//
// RFC 6749 §3.1, §3.2 (no repeated parameters), §5.1, §5.2 (answers) and
// appendix B (form encoding), RFC 6750 (bearer tokens), RFC 7617 (Basic),
// RFC 8259 and RFC 7493 (JSON without duplicate members), RFC 9110 (statuses).
package wire
