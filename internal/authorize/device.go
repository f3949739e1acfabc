package authorize

import (
	"context"
	"errors"

	"latchkey.dev/internal/destination"
	"latchkey.dev/internal/interaction"
	"latchkey.dev/internal/store"
)

// CheckDevice runs the checks that a device's request shares with one that comes by redirect (RFC 8628 §3.1), for a client that has
// authenticated. Its errors are for the client.
func (h *Handler) CheckDevice(ctx context.Context, client *store.Client, scope string, resources []string) (interaction.Request, error) {
	p := &proven{
		request: Request{ClientID: client.ID, Scope: scope, Resources: resources}, client: client,
		checked: interaction.Request{ClientID: client.ID},
	}
	err := h.check(ctx, atDevice, p)
	if refusal := (*destination.Refusal)(nil); errors.As(err, &refusal) { // there is nowhere to redirect to
		err = refusal.Unwrap()
	}
	return p.checked, err
}
