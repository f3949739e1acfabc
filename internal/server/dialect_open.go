package server

import (
	"context"
	"encoding/json"

	"latchkey.dev/internal/device"
	"latchkey.dev/internal/dialect"
	"latchkey.dev/internal/register"
)

// deviceSpoken lets a device begin, in the platform's words.
func (s *site) deviceSpoken(ctx context.Context, call dialect.Call) (dialect.Answer, error) {
	credentials, err := credentialsOf(call)
	if err != nil {
		return dialect.Answer{}, err
	}
	response, err := s.device.Authorize(ctx, device.Request{Client: credentials, Scope: call.Text("scope"), Resources: call.Texts("resource")})
	return answerOf(response, err)
}

// registerSpoken registers an app from metadata that came in the platform's words; they are read as strictly as the standard's.
func (s *site) registerSpoken(ctx context.Context, call dialect.Call) (dialect.Answer, error) {
	data, err := json.Marshal(call.Value("metadata"))
	if err != nil {
		return dialect.Answer{}, err
	}
	metadata, err := register.Parse(data)
	if err != nil {
		return dialect.Answer{}, err
	}
	response, err := s.register.Register(ctx, metadata)
	return answerOf(response, err)
}
