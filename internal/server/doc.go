// Package server puts the parts together: it gives every issuer its endpoints and pages, finds the issuer that a request is
// for, and holds what all requests share: limits, request ids, logs, metrics and headers.
//
// The same New serves production, `latchkey dev` and the tests.
package server
