package authorize

import (
	"errors"
	"testing"

	"latchkey.dev/internal/destination"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/store"
)

func TestEveryStepNamesItsParameterAndSectionOnce(t *testing.T) {
	seen := map[string]bool{}
	see := func(parameter, section string, runs endpoints) {
		if parameter == "" || section == "" || runs&atAuthorize == 0 || seen[parameter] {
			t.Errorf("step %q (%s) is incomplete or doubled", parameter, section)
		}
		seen[parameter] = true
	}
	for _, step := range proofs {
		see(step.parameter, step.section, step.runs)
	}
	for _, step := range checks {
		see(step.parameter, step.section, step.runs)
	}
}

func TestOnlyWhatIsMeantForTheClientIsRedirected(t *testing.T) {
	to, refused := destination.Prove([]string{"https://app.example/cb"}, "")
	if refused != nil {
		t.Fatal(refused)
	}
	p := &proven{to: to}
	var refusal *destination.Refusal
	if err := p.refuse(oauth.InvalidScope("x")); !errors.As(err, &refusal) {
		t.Errorf("%T is not redirected", err)
	}
	for _, ours := range []error{&store.UnavailableError{}, errors.New("broken")} {
		if err := p.refuse(ours); errors.As(err, &refusal) {
			t.Errorf("%v is redirected", ours)
		}
	}
}
