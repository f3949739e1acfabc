package authorize

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"latchkey.dev/internal/interaction"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/reqlog"
	"latchkey.dev/internal/store"
)

// proveClient finds the app. Whether it may use this endpoint at all is a page too: an app that was stopped gets no traffic.
func (h *Handler) proveClient(ctx context.Context, d *draft) error {
	if d.request.ClientID == "" {
		return oauth.InvalidRequest("client_id is missing")
	}
	found, err := h.Clients.Find(ctx, d.request.ClientID)
	if errors.Is(err, store.ErrNotFound) {
		return oauth.InvalidClient("no app is registered here with this client_id").With(oauth.ReasonUnknown).WithStatus(http.StatusBadRequest)
	}
	if err != nil {
		return err
	}
	reqlog.From(ctx).Client = found.ID
	if found.Status == store.ClientSuspended {
		return interaction.Suspended(found)
	}
	d.client = found
	return nil
}

// mayUseCodes: a client that registered other grant types only has no business here (RFC 6749 §4.1.2.1, RFC 7591 §2).
func mayUseCodes(client *store.Client) bool {
	types := client.Metadata.GrantTypes
	return len(types) == 0 || slices.Contains(types, oauth.GrantAuthorizationCode)
}
