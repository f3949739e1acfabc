package register

import (
	"net/http"

	"latchkey.dev/internal/wire"
)

// ServeRegister is POST /oauth/register (RFC 7591 §3.1).
func (h *Handler) ServeRegister(w http.ResponseWriter, r *http.Request) error {
	var metadata Metadata
	if err := unreadable(wire.JSON(r, &metadata)); err != nil {
		return err
	}
	registered, err := h.Register(r.Context(), metadata)
	if err != nil {
		return err
	}
	return wire.WriteJSON(w, http.StatusCreated, registered)
}

// ServeRead is GET /oauth/register/{client_id} (RFC 7592 §2.1).
func (h *Handler) ServeRead(w http.ResponseWriter, r *http.Request) error {
	key, err := keyFrom(r)
	if err != nil {
		return err
	}
	registered, err := h.Read(r.Context(), key)
	if err != nil {
		return err
	}
	return wire.WriteJSON(w, http.StatusOK, registered)
}

// ServeUpdate is PUT /oauth/register/{client_id} (RFC 7592 §2.2).
func (h *Handler) ServeUpdate(w http.ResponseWriter, r *http.Request) error {
	key, err := keyFrom(r)
	if err != nil {
		return err
	}
	var change Change
	if err := unreadable(wire.JSON(r, &change)); err != nil {
		return err
	}
	registered, err := h.Update(r.Context(), key, change)
	if err != nil {
		return err
	}
	return wire.WriteJSON(w, http.StatusOK, registered)
}

// ServeDelete is DELETE /oauth/register/{client_id} (RFC 7592 §2.3).
func (h *Handler) ServeDelete(w http.ResponseWriter, r *http.Request) error {
	key, err := keyFrom(r)
	if err != nil {
		return err
	}
	if err := h.Delete(r.Context(), key); err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// keyFrom reads the client from the URI and its token from the Authorization header.
func keyFrom(r *http.Request) (Key, error) {
	token, err := wire.BearerToken(r)
	return Key{ClientID: r.PathValue("client_id"), Token: token}, err
}
