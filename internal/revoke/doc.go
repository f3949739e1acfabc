// Package revoke is the revocation endpoint (RFC 7009): an app gives back what it no longer needs. An access token ends alone; a
// refresh token ends its whole authorization (§2.1). A token that there is not, or no longer, is answered like one that was
// revoked (§2.2).
package revoke
