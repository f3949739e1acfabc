// Package store keeps what people and apps did, behind operations that speak intent: RedeemCode, RotateRefreshToken,
// RevokeGrant. It runs one SQL text on two engines, embedded SQLite and PostgreSQL.
//
// A decision is one conditional statement; no row is the refusal. InTx is the only transaction, its Tx fixes the time, and
// nothing slow runs inside it. Trouble with the database is an *UnavailableError, which every face answers as 503: it is never
// mistaken for a wrong secret or a spent code.
package store
