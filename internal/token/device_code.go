package token

import (
	"context"
	"errors"
	"time"

	"latchkey.dev/internal/micros"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/store"
)

// How a device that waits may ask (RFC 8628 §3.5).
const (
	pollSlower = 5 * time.Second // what its interval grows by each time it asks too often
	pollLeeway = time.Second     // a poll may come this much early: networks do not keep time
)

// loadDeviceCode tells a device whether it was allowed, and binds its code to what the person allowed (RFC 8628 §3.5).
func (h *Handler) loadDeviceCode(ctx context.Context, client *store.Client, request Request) (authorization, error) {
	if request.DeviceCode == "" {
		return authorization{}, oauth.InvalidRequest("device_code is missing")
	}
	device, err := h.Store.DeviceCode(ctx, h.Issuer.Name, store.Hash(request.DeviceCode))
	if errors.Is(err, store.ErrNotFound) {
		return authorization{}, oauth.InvalidGrant("this device code was not issued here, or long ago; start again").With(oauth.ReasonUnknown)
	}
	if err != nil {
		return authorization{}, err
	}
	now := h.Store.Now()
	if err := checkDeviceCode(&device, client, now); err != nil {
		return authorization{}, err
	}
	if !device.Answered() {
		return authorization{}, h.poll(ctx, &device)
	}
	return h.authorizedByCode(&device.Code, client, now)
}

// checkDeviceCode refuses what nothing can come of any more. A second redemption is refused and revokes nothing, unlike a code's:
// only the device ever held this one, and it asks again when an answer was lost on its way.
func checkDeviceCode(device *store.DeviceCode, client *store.Client, now micros.Time) error {
	switch {
	case device.ClientID != client.ID:
		return oauth.InvalidGrant("this device code was issued to another client").With(oauth.ReasonWrongClient)
	case !device.UsedAt.Never():
		return oauth.InvalidGrant("this device code was redeemed before; if you lost the answer, start again").With(oauth.ReasonReused)
	case !device.DeniedAt.Never():
		return oauth.AccessDenied("the person did not allow this device")
	case device.ExpiresAt <= now:
		return oauth.ExpiredToken("nobody allowed this device in time; start again for a new code").With(oauth.ReasonExpired)
	case device.AllowedAt.Never():
		return nil
	case !device.UserSuspendedAt.Never():
		return ended(oauth.ReasonUserSuspended)
	}
	return checkGrant(device.Grant)
}

// poll tells a device to go on waiting. Whoever asks too often learns to ask less (RFC 8628 §3.5).
func (h *Handler) poll(ctx context.Context, device *store.DeviceCode) error {
	var slowed bool
	err := h.Store.InTx(ctx, func(tx *store.Tx) (err error) {
		slowed, err = tx.PollDevice(h.Issuer.Name, device.Hash, pollLeeway, pollSlower)
		return err
	})
	switch {
	case errors.Is(err, store.ErrNotFound): // the person decided since it was read
		return errOvertaken
	case err != nil:
		return err
	case slowed:
		return oauth.SlowDown("wait 5 seconds longer between requests from now on")
	default:
		return oauth.AuthorizationPending("the person has not decided yet; ask again in %d seconds", int(device.Interval/time.Second))
	}
}

func (h *Handler) redeemDeviceCode(ctx context.Context, a authorization) error {
	return overtaken(h.Store.InTx(ctx, func(tx *store.Tx) error {
		if err := tx.RedeemDeviceCode(a.code.Hash, a.family); err != nil {
			return err
		}
		if err := h.trackToken(tx, *a.code); err != nil {
			return err
		}
		return tx.Record(h.issued(a))
	}))
}
