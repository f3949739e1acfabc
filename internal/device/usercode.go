package device

import (
	"errors"
	"io"
	"strings"
	"unicode"
)

// alphabet has no vowels, so that no code is a word, and no letter that another looks like (RFC 8628 §6.1).
const alphabet = "BCDFGHJKLMNPQRSTVWXZ"

// codeLetters make 20^8 codes: 34.5 bits, of which ten thousand devices that wait at once use a two-millionth.
const codeLetters = 8

// longestTyped bounds what is looked at, in bytes.
const longestTyped = 100

// errUserCode: what was typed cannot be a user code.
var errUserCode = errors.New("device: not a user code")

// newUserCode draws a code. Bytes that would make some letters likelier are drawn again.
func newUserCode(random io.Reader) (string, error) {
	const fair = 256 - 256%len(alphabet)
	code := make([]byte, 0, codeLetters)
	for len(code) < codeLetters {
		var drawn [1]byte
		if _, err := io.ReadFull(random, drawn[:]); err != nil {
			return "", err
		}
		if int(drawn[0]) < fair {
			code = append(code, alphabet[int(drawn[0])%len(alphabet)])
		}
	}
	return string(code), nil
}

// readUserCode reads what a person typed: in any case, with dashes and spaces wherever they like (RFC 8628 §6.1).
func readUserCode(typed string) (string, error) {
	if len(typed) > longestTyped {
		return "", errUserCode
	}
	code := strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || unicode.In(r, unicode.Dash) {
			return -1
		}
		if 'a' <= r && r <= 'z' {
			return r - 'a' + 'A'
		}
		return r
	}, typed)
	if len(code) != codeLetters || strings.Trim(code, alphabet) != "" {
		return "", errUserCode
	}
	return code, nil
}

// formatUserCode writes a code as people see it, in two groups.
func formatUserCode(code string) string { return code[:codeLetters/2] + "-" + code[codeLetters/2:] }
