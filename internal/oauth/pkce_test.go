package oauth_test

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"latchkey.dev/internal/oauth"
)

// RFC 7636 appendix B.
const (
	appendixBVerifier  = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	appendixBChallenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
)

func TestRFC7636_AppendixB(t *testing.T) {
	if err := oauth.CheckChallenge(appendixBChallenge, "S256"); err != nil {
		t.Error(err)
	}
	if err := oauth.VerifyChallenge(appendixBChallenge, appendixBVerifier); err != nil {
		t.Error(err)
	}
}

func TestRFC7636_4_3_CheckChallengeRefuses(t *testing.T) {
	cases := []struct{ name, challenge, method string }{
		{"no challenge", "", "S256"},
		{"neither", "", ""},
		{"no method means plain", appendixBChallenge, ""},
		{"plain", appendixBChallenge, "plain"},
		{"method in another case", appendixBChallenge, "s256"},
		{"42 characters", appendixBChallenge[:42], "S256"},
		{"padding", appendixBChallenge + "=", "S256"},
		{"the other alphabet", strings.ReplaceAll(appendixBChallenge, "-", "+"), "S256"},
		{"a line end", appendixBChallenge[:42] + "\n", "S256"},
		{"not a digest's last character", appendixBChallenge[:42] + "N", "S256"},
	}
	for _, c := range cases {
		err := oauth.CheckChallenge(c.challenge, c.method)
		if meant := (*oauth.Error)(nil); !errors.As(err, &meant) || meant.Code != oauth.CodeInvalidRequest {
			t.Errorf("%s: err is %v, want invalid_request", c.name, err)
		}
	}
}

func TestRFC7636_4_6_VerifyChallengeRefuses(t *testing.T) {
	short, long := strings.Repeat("a", 42), strings.Repeat("a", 129)
	cases := []struct{ name, challenge, verifier string }{
		{"another verifier", appendixBChallenge, appendixBVerifier[:42] + "l"},
		{"no verifier", appendixBChallenge, ""},
		{"the challenge itself (plain)", appendixBChallenge, appendixBChallenge},
		{"42 characters", challengeOf(short), short},
		{"129 characters", challengeOf(long), long},
		{"a reserved character", challengeOf(appendixBVerifier + "+"), appendixBVerifier + "+"},
		{"a space", challengeOf(appendixBVerifier + " "), appendixBVerifier + " "},
		{"a verifier without a challenge (RFC 9700 §4.8.2)", "", appendixBVerifier},
	}
	for _, c := range cases {
		err := oauth.VerifyChallenge(c.challenge, c.verifier)
		meant := (*oauth.Error)(nil)
		if !errors.As(err, &meant) || meant.Code != oauth.CodeInvalidGrant || meant.Reason != oauth.ReasonPKCEMismatch {
			t.Errorf("%s: err is %v, want invalid_grant with a reason", c.name, err)
		}
	}
}

func TestRFC7636_4_1_VerifierLengths(t *testing.T) {
	for _, verifier := range []string{strings.Repeat("a", 43), strings.Repeat("-._~", 32)} {
		if err := oauth.VerifyChallenge(challengeOf(verifier), verifier); err != nil {
			t.Errorf("%d characters: %v", len(verifier), err)
		}
	}
}

func TestVerifyChallengeWithoutPKCE(t *testing.T) {
	if err := oauth.VerifyChallenge("", ""); err != nil {
		t.Errorf("a code without a challenge: %v", err)
	}
}

func challengeOf(verifier string) string {
	digest := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(digest[:])
}

func FuzzPKCE(f *testing.F) {
	f.Add(appendixBChallenge, appendixBVerifier)
	f.Add("", "")
	f.Add(appendixBChallenge, "")
	f.Fuzz(func(t *testing.T, challenge, verifier string) {
		if oauth.CheckChallenge(challenge, oauth.MethodS256) == nil && len(challenge) != 43 {
			t.Errorf("challenge %q is accepted", challenge)
		}
		err := oauth.VerifyChallenge(challenge, verifier)
		if fits := challenge == challengeOf(verifier) || challenge+verifier == ""; err == nil && !fits {
			t.Errorf("%q verifies %q", verifier, challenge)
		}
	})
}

func BenchmarkVerifyChallenge(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if err := oauth.VerifyChallenge(appendixBChallenge, appendixBVerifier); err != nil {
			b.Fatal(err)
		}
	}
}
