package oidc

import (
	"strings"

	"latchkey.dev/internal/oauth"
)

// Prompt is the set of values of a prompt parameter (OpenID Connect Core
// §3.1.2.1). The zero value is a request without one.
type Prompt uint8

// The prompt values.
const (
	PromptNone          Prompt = 1 << iota // show nothing, answer at once
	PromptLogin                            // authenticate again
	PromptConsent                          // ask again
	PromptSelectAccount                    // let the person choose again
)

// PromptValues are the values for prompt_values_supported, in the order of the bits.
func PromptValues() []string { return []string{"none", "login", "consent", "select_account"} }

// ParsePrompt reads a space-separated, case-sensitive list. none stands alone
// (§3.1.2.1), and a value that is not known is refused rather than ignored:
// the client counts on what it asked for. The error is invalid_request.
func ParsePrompt(s string) (Prompt, error) {
	var p Prompt
	for value := range strings.SplitSeq(s, " ") {
		if value == "" {
			continue
		}
		bit := promptBit(value)
		if bit == 0 {
			return 0, oauth.InvalidRequest("prompt must be none, or some of login, consent and select_account")
		}
		p |= bit
	}
	if p.Has(PromptNone) && p != PromptNone {
		return 0, oauth.InvalidRequest("prompt=none cannot be combined with other values")
	}
	return p, nil
}

func promptBit(value string) Prompt {
	for i, name := range PromptValues() {
		if name == value {
			return 1 << i
		}
	}
	return 0
}

// Has reports whether the set holds the value.
func (p Prompt) Has(value Prompt) bool { return p&value != 0 }

// String is the wire form.
func (p Prompt) String() string {
	var values []string
	for i, name := range PromptValues() {
		if p.Has(1 << i) {
			values = append(values, name)
		}
	}
	return strings.Join(values, " ")
}
