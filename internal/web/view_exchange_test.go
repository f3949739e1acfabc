package web

import "testing"

// TestExchangeAdvice: nobody is told to send what works no more.
func TestExchangeAdvice(t *testing.T) {
	code, token, key := StepTaken{Step: StepCodeIssued}, StepTaken{Step: StepTokenCreated}, StepTaken{Step: StepKeyIssued}
	refused := func(reason string) StepTaken { return StepTaken{Step: StepRefused, Reason: reason} }
	for _, c := range []struct {
		taken []StepTaken
		want  string
	}{
		{[]StepTaken{code}, "exchange.next.code_issued"},
		{[]StepTaken{code, refused("wrong_account")}, "exchange.next.code_issued"},
		{[]StepTaken{code, refused("expired")}, "exchange.next.again"},
		{[]StepTaken{code, token}, "exchange.next.token_created"},
		{[]StepTaken{code, token, refused("wrong_account")}, "exchange.next.token_created"},
		{[]StepTaken{code, token, refused("reused")}, "exchange.next.again"},
		{[]StepTaken{code, token, key, refused("reused")}, ""},
	} {
		if got := (ExchangeDetail{Exchange: Exchange{Taken: c.taken}, Developer: true}).Advice(); got != c.want {
			t.Errorf("%v: %s, want %s", c.taken, got, c.want)
		}
	}
}
