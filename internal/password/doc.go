// Package password hashes passwords with argon2id, bounds how many hashes run at once, and says which passwords are too weak.
//
// RFC 9106 (Argon2), RFC 8265 §4 (normalisation), OWASP Password Storage (19 MiB, two passes, one lane), NIST SP 800-63B
// §5.1.1 (length and commonness instead of rules of composition).
package password
