package web

import (
	"slices"
	"time"
)

// ExchangeStep is one step of a consent on its way to a service account with a key.
type ExchangeStep string

// The steps in the order they are taken. Another one is shown by its name.
const (
	StepCodeIssued            ExchangeStep = "code_issued"
	StepTokenCreated          ExchangeStep = "token_created"
	StepServiceAccountCreated ExchangeStep = "service_account_created"
	StepKeyIssued             ExchangeStep = "key_issued"
	StepRefused               ExchangeStep = "refused"
)

// exchangeSteps are the steps of one that goes well.
func exchangeSteps() []ExchangeStep {
	return []ExchangeStep{StepCodeIssued, StepTokenCreated, StepServiceAccountCreated, StepKeyIssued}
}

// exchangeReasons are the refusals with wording of their own; of another the code is shown.
func exchangeReasons() []string {
	return []string{"expired", "reused", "revoked", "revoked_by_user", "client_suspended", "insufficient_scope", "wrong_account"}
}

// StepTaken is a step that was taken, or a refusal.
type StepTaken struct {
	Step   ExchangeStep
	At     time.Time
	Reason string // of a refusal
}

// ExchangeState is how far an exchange came.
type ExchangeState string

// The states.
const (
	ExchangeWaiting ExchangeState = "waiting"
	ExchangeRefused ExchangeState = "refused"
	ExchangeDone    ExchangeState = "done"
)

// Exchange is one consent on its way to a service account with a key.
type Exchange struct {
	ID             string
	App            App
	Account        Account // that was connected
	Taken          []StepTaken
	ServiceAccount string // its user code, once there is one
	Key            string // its identifier, once there is one
}

// State tells how far it came.
func (e Exchange) State() ExchangeState {
	switch {
	case e.took(StepKeyIssued):
		return ExchangeDone
	case len(e.Taken) > 0 && e.Taken[len(e.Taken)-1].Step == StepRefused:
		return ExchangeRefused
	}
	return ExchangeWaiting
}

// over tells whether it was refused for a reason after which the code or token that the app holds is worth nothing.
func (e Exchange) over() bool {
	return e.State() == ExchangeRefused && slices.Contains([]string{"expired", "reused", "revoked", "revoked_by_user"}, e.Taken[len(e.Taken)-1].Reason)
}

// At is when it last moved.
func (e Exchange) At() time.Time {
	if len(e.Taken) == 0 {
		return time.Time{}
	}
	return e.Taken[len(e.Taken)-1].At
}

// Ahead are the steps that are still to be taken.
func (e Exchange) Ahead() []ExchangeStep {
	var ahead []ExchangeStep
	for _, step := range exchangeSteps() {
		if !e.took(step) {
			ahead = append(ahead, step)
		}
	}
	return ahead
}

func (e Exchange) took(step ExchangeStep) bool {
	for _, taken := range e.Taken {
		if taken.Step == step {
			return true
		}
	}
	return false
}

// Exchanges lists the exchanges of the apps that the reader develops, newest first.
type Exchanges struct {
	Exchanges []Exchange
	Paging    Paging
}

func (v Exchanges) page() meta {
	return meta{template: "exchanges", layout: portalLayout, title: say("exchanges.title"), section: SectionAccounts}
}

// ExchangeDetail shows one exchange with its timeline. Developer says that the reader makes the app, and so is told what to do.
type ExchangeDetail struct {
	Exchange  Exchange
	Developer bool
}

func (v ExchangeDetail) page() meta {
	return meta{template: "exchange", layout: portalLayout, title: say("exchange.title", "app", v.Exchange.App.Name, "account", v.Exchange.Account.Name), section: SectionAccounts}
}

// Advice is the message that says what the app must do next; "" when nothing is left to do.
func (v ExchangeDetail) Advice() string {
	switch {
	case !v.Developer || v.Exchange.State() == ExchangeDone:
		return ""
	case v.Exchange.over():
		return "exchange.next.again"
	case v.Exchange.took(StepTokenCreated):
		return "exchange.next.token_created"
	}
	return "exchange.next.code_issued"
}

// stepIcon names the icon beside a step that was taken.
func stepIcon(step ExchangeStep) string {
	if step == StepRefused {
		return "alert"
	}
	return "check"
}

// reasonKey is the message for why a step was refused.
func reasonKey(reason string) string {
	if slices.Contains(exchangeReasons(), reason) {
		return "exchange.reason." + reason
	}
	return "exchange.reason.other"
}
