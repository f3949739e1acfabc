package authorize

import (
	"context"

	"latchkey.dev/internal/destination"
)

// proveRedirectURI is destination.Prove: exact, but for the port of a loopback address.
func (h *Handler) proveRedirectURI(_ context.Context, d *draft) error {
	to, refused := destination.Prove(d.client.Metadata.RedirectURIs, d.request.RedirectURI)
	if refused != nil {
		return refused
	}
	d.to = to
	return nil
}
