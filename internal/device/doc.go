// Package device is the device authorization grant, RFC 8628: the endpoint where a device without a browser begins (§3.1, §3.2), and
// the page where a person enters the code that it shows (§3.3). Signing in and allowing are interaction's; the device fetches its
// tokens at the token endpoint (§3.4, §3.5).
//
// A user code is short, so it can be tried out: tries are counted by network address and by code before they are judged, a code that
// is unknown, expired or answered gets one and the same answer, and the database holds keyed hashes only (§5.1, §5.2).
package device
