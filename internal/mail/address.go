package mail

import (
	netmail "net/mail"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// longestAddress is RFC 5321 §4.5.3.1.3, without the angle brackets.
const longestAddress = 254

// Address reads an address that somebody typed, in the one form that it is kept and compared in: trimmed, in lower case and
// composed (NFC). ok is false when it cannot be an address. Whether a mail reaches it, only a mail can tell.
func Address(typed string) (address string, ok bool) {
	address = norm.NFC.String(strings.ToLower(strings.TrimSpace(typed)))
	if len(address) > longestAddress {
		return "", false
	}
	parsed, err := netmail.ParseAddress(address)
	if err != nil || parsed.Name != "" || parsed.Address != address {
		return "", false
	}
	return address, true
}
