package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"latchkey.dev/internal/micros"
	"latchkey.dev/internal/store/dbsql"
)

// DeviceCode is a device that waits for a person to allow it elsewhere (RFC 8628). What it is redeemed for is kept like a code's:
// Binding is what was asked until somebody allowed it, and Grant and FamilyID are empty until then.
type DeviceCode struct {
	Code

	UserCode  []byte        // keyed hash of what the person types
	Interval  time.Duration // between two polls
	AllowedAt micros.Time
	DeniedAt  micros.Time
}

// Answered tells whether a person decided.
func (d *DeviceCode) Answered() bool { return !d.AllowedAt.Never() || !d.DeniedAt.Never() }

// CreateDeviceCode records a device that waits. ErrConflict says that its user code is taken.
func (tx *Tx) CreateDeviceCode(device DeviceCode) error {
	data, err := json.Marshal(device.Binding)
	if err != nil {
		return fmt.Errorf("store: device code: %w", err)
	}
	rows, err := tx.q.InsertDeviceCode(tx.ctx, dbsql.InsertDeviceCodeParams{
		Hash: device.Hash, Issuer: device.Issuer, UserCode: device.UserCode, ClientID: device.ClientID, Data: string(data),
		PollInterval: device.Interval.Microseconds(), CreatedAt: tx.now, ExpiresAt: device.ExpiresAt,
	})
	return changed(rows, err, ErrConflict)
}

// DeviceCode returns a device's code in whatever state it is.
func (s *Store) DeviceCode(ctx context.Context, issuer string, hash []byte) (DeviceCode, error) {
	row, err := s.read.GetDeviceCode(ctx, dbsql.GetDeviceCodeParams{Hash: hash, Issuer: issuer})
	return s.deviceCode(ctx, row, err)
}

// FindDeviceCode returns the device whose user code a person typed, by its keyed hash.
func (s *Store) FindDeviceCode(ctx context.Context, issuer string, userCode []byte) (DeviceCode, error) {
	row, err := s.read.FindDeviceCode(ctx, dbsql.FindDeviceCodeParams{Issuer: issuer, UserCode: userCode})
	return s.deviceCode(ctx, row, err)
}

func (s *Store) deviceCode(ctx context.Context, row dbsql.DeviceCode, err error) (DeviceCode, error) {
	if row, err = one(s, row, err); err != nil {
		return DeviceCode{}, err
	}
	device := DeviceCode{
		Code: Code{
			Hash: row.Hash, Issuer: row.Issuer, ClientID: row.ClientID, FamilyID: row.FamilyID,
			CreatedAt: row.CreatedAt, ExpiresAt: row.ExpiresAt, UsedAt: row.UsedAt,
		},
		UserCode: row.UserCode, Interval: time.Duration(row.PollInterval) * time.Microsecond, AllowedAt: row.AllowedAt, DeniedAt: row.DeniedAt,
	}
	if err := json.Unmarshal([]byte(row.Data), &device.Binding); err != nil {
		return DeviceCode{}, fmt.Errorf("store: device code: %w", err)
	}
	if row.GrantID == "" {
		return device, nil
	}
	found, err := s.read.GetGrantAndUser(ctx, dbsql.GetGrantAndUserParams{ID: row.GrantID, Issuer: row.Issuer})
	found, err = one(s, found, err)
	device.Grant, device.UserSuspendedAt = found.Grant, found.UserSuspendedAt
	return device, err
}

// PollDevice notes that a device asked whether it was allowed. One that asks leeway or more before its interval is over is slowed:
// its interval grows by more (RFC 8628 §3.5). ErrNotFound says that it waits no longer: it was answered, or expired.
func (tx *Tx) PollDevice(issuer string, hash []byte, leeway, more time.Duration) (slowed bool, err error) {
	rows, err := tx.q.PollDevice(tx.ctx, dbsql.PollDeviceParams{Hash: hash, Issuer: issuer, Now: int64(tx.now), Soon: tx.now.Add(leeway)})
	if err != nil || rows == 1 {
		return false, err
	}
	rows, err = tx.q.SlowDevice(tx.ctx, dbsql.SlowDeviceParams{Hash: hash, Issuer: issuer, Now: int64(tx.now), More: more.Microseconds()})
	return true, changed(rows, err, ErrNotFound)
}

// AllowDevice gives a waiting device what code holds: grant, family and binding. ErrNotFound when it was answered or expired:
// whatever races, the first answer stays.
func (tx *Tx) AllowDevice(code Code) error {
	data, err := json.Marshal(code.Binding)
	if err != nil {
		return fmt.Errorf("store: device code: %w", err)
	}
	rows, err := tx.q.AllowDevice(tx.ctx, dbsql.AllowDeviceParams{
		Hash: code.Hash, Issuer: code.Issuer, Now: tx.now, GrantID: code.Grant.ID, FamilyID: code.FamilyID, Data: string(data),
	})
	return changed(rows, err, ErrNotFound)
}

// DenyDevice tells a waiting device no. ErrNotFound when it was answered or expired.
func (tx *Tx) DenyDevice(issuer string, hash []byte) error {
	rows, err := tx.q.DenyDevice(tx.ctx, dbsql.DenyDeviceParams{Hash: hash, Issuer: issuer, Now: tx.now})
	return changed(rows, err, ErrNotFound)
}

// RedeemDeviceCode spends the code of an allowed device and creates the family that it buys, at once. ErrNotFound when it is spent,
// expired, not allowed or its grant is revoked: whatever races, one caller wins.
func (tx *Tx) RedeemDeviceCode(hash []byte, family Family) error {
	rows, err := tx.q.RedeemDeviceCode(tx.ctx, dbsql.RedeemDeviceCodeParams{Hash: hash, UsedAt: tx.now})
	if err := changed(rows, err, ErrNotFound); err != nil {
		return err
	}
	return tx.createFamily(family)
}

// Registration is an app that registered itself (RFC 7591), by the hash of the token that it manages itself with (RFC 7592).
type Registration = dbsql.Registration

// CreateRegistration records that an app registered itself. At most unused of those that nobody ever connected may be there, with
// this one; ErrConflict says that there are too many. It follows CreateClient, which makes racing registrations take turns.
func (tx *Tx) CreateRegistration(registration Registration, unused int) error {
	err := tx.q.InsertRegistration(tx.ctx, dbsql.InsertRegistrationParams{
		Issuer: registration.Issuer, ClientID: registration.ClientID, TokenHash: registration.TokenHash, CreatedAt: tx.now,
		ExpiresAt: registration.ExpiresAt,
	})
	if err != nil {
		return err
	}
	count, err := tx.q.CountUnusedRegistrations(tx.ctx, dbsql.CountUnusedRegistrationsParams{Issuer: registration.Issuer, Limit: int32(unused) + 1})
	if err == nil && count > int64(unused) {
		return ErrConflict
	}
	return err
}

// Registration returns how an app registered itself; ErrNotFound for one that did not.
func (s *Store) Registration(ctx context.Context, issuer, clientID string) (Registration, error) {
	row, err := s.read.GetRegistration(ctx, dbsql.GetRegistrationParams{Issuer: issuer, ClientID: clientID})
	return one(s, row, err)
}

// KeepRegistration keeps an app that registered itself for good: somebody connected it, or took it over.
func (tx *Tx) KeepRegistration(issuer, clientID string) error {
	return tx.q.UseRegistration(tx.ctx, dbsql.UseRegistrationParams{Issuer: issuer, ClientID: clientID})
}
