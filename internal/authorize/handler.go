package authorize

import (
	"context"

	"latchkey.dev/internal/client"
	"latchkey.dev/internal/interaction"
	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/mint"
)

// Config is what the endpoint depends on.
type Config struct {
	Issuer  *issuer.Issuer
	Clients *client.Registry
	// Mint reads ID Token hints.
	Mint *mint.Mint
	// Pages ask the person.
	Pages *interaction.Handler
}

// Handler is the authorization endpoint of one issuer.
type Handler struct{ Config }

// New returns the endpoint of an issuer.
func New(config Config) *Handler { return &Handler{config} }

// Authorize checks a request and begins its flow. A *destination.Refusal is an error that goes to the client by redirect; any
// other error is for a page.
func (h *Handler) Authorize(ctx context.Context, request Request) (interaction.Flow, error) {
	p, err := h.prove(ctx, atAuthorize, request)
	if err != nil {
		return interaction.Flow{}, err
	}
	if err := h.check(ctx, atAuthorize, p); err != nil {
		return interaction.Flow{}, err
	}
	flow, tooLong := h.Pages.Begin(p.checked)
	if tooLong != nil {
		return interaction.Flow{}, p.refuse(tooLong)
	}
	return flow, nil
}
