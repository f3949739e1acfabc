package password

import (
	_ "embed"
	"strings"
	"unicode/utf8"

	"latchkey.dev/internal/web"
)

// Bounds of a password in characters. The upper one bounds work, and no sentence that a person remembers is longer.
const (
	MinLength = 10
	MaxLength = 128
)

// Problem is why a password cannot be chosen; "" is none.
type Problem string

// The problems of a new password.
const (
	TooShort Problem = "short"
	TooLong  Problem = "long"
	Common   Problem = "common"   // among those that are tried first
	Personal Problem = "personal" // made of the person's own address or name
)

//go:embed commonest.txt
var commonest string

// Mistake is what Check says of a new password, at its field in a form; nil when it can be chosen.
func Mistake(field web.Field, password, email, name string) web.Errors {
	mistake := web.FieldError{Field: field}
	switch problem := Check(password, email, name); {
	case password == "":
		mistake.Problem = web.ProblemPasswordMissing
	case problem == TooShort:
		mistake.Problem, mistake.N = web.ProblemPasswordShort, MinLength
	case problem == TooLong:
		mistake.Problem, mistake.N = web.ProblemPasswordLong, MaxLength
	case problem == Common:
		mistake.Problem = web.ProblemPasswordCommon
	case problem == Personal:
		mistake.Problem = web.ProblemPasswordPersonal
	default:
		return nil
	}
	return web.Errors{mistake}
}

// Check says what is wrong with a new password of a person.
func Check(password, email, name string) Problem {
	length := utf8.RuneCount(normalize(password))
	lower := strings.ToLower(password)
	switch {
	case length < MinLength:
		return TooShort
	case length > MaxLength:
		return TooLong
	case isCommon(lower):
		return Common
	case isPersonal(lower, email, name):
		return Personal
	}
	return ""
}

// isCommon looks in the list, and sees through one character typed over and over.
func isCommon(password string) bool {
	first, _ := utf8.DecodeRuneInString(password)
	if strings.Trim(password, string(first)) == "" {
		return true
	}
	for line := range strings.Lines(commonest) {
		if strings.TrimSpace(line) == password {
			return true
		}
	}
	return false
}

// isPersonal: what is left after taking out the person's own words must still be a secret.
func isPersonal(password, email, name string) bool {
	const enough = 6
	local, domain, _ := strings.Cut(strings.ToLower(email), "@")
	company, _, _ := strings.Cut(domain, ".")
	rest := password
	for _, word := range append([]string{email, local, company}, strings.Fields(strings.ToLower(name))...) {
		if utf8.RuneCountInString(word) >= 3 {
			rest = strings.ReplaceAll(rest, strings.ToLower(word), "")
		}
	}
	return rest != password && utf8.RuneCountInString(rest) < enough
}
