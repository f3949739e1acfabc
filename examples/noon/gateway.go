package main

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"os"
	"time"

	"latchkey.dev/examples/quickstart"
)

// credential is a service account's key as Noon hands it out.
type credential struct {
	KeyID       string `json:"key_id"`
	PrivateKey  string `json:"private_key"`
	ProjectCode string `json:"project_code"`
}

func readCredential(path string) (key credential, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return key, err
	}
	return key, json.Unmarshal(text, &key)
}

// gateway calls the API as one service account. The session is in its cookies.
type gateway struct {
	base   string
	key    credential
	client *http.Client
}

func newGateway(base string, key credential) *gateway {
	client := quickstart.Client()
	client.Jar, _ = cookiejar.New(nil) // has no way to fail
	return &gateway{base, key, client}
}

// refusal is the gateway's no. It holds no token and no secret.
type refusal struct {
	status        int
	code, message string
}

func (r *refusal) Error() string {
	return fmt.Sprintf("noon answered %d %s: %s", r.status, r.code, r.message)
}

// call sends a request with the session. After a 401 it signs in and tries once more: the session may have ended, or not have begun.
func (g *gateway) call(ctx context.Context, method, path string, body, into any) error {
	err := g.send(ctx, method, path, body, into)
	if refused, ok := errors.AsType[*refusal](err); !ok || refused.status != http.StatusUnauthorized {
		return err
	}
	if err := g.login(ctx); err != nil {
		return err
	}
	return g.send(ctx, method, path, body, into)
}

// login proves with a fresh signature that we hold the key. Each token is good for a minute, once.
func (g *gateway) login(ctx context.Context) error {
	token, err := g.assertion(time.Now())
	if err != nil {
		return err
	}
	var nothing struct{}
	return g.send(ctx, http.MethodPost, "/identity/public/v1/api/login", map[string]string{"token": token, "default_project_code": g.key.ProjectCode}, &nothing)
}

func (g *gateway) assertion(now time.Time) (string, error) {
	block, _ := pem.Decode([]byte(g.key.PrivateKey))
	if block == nil {
		return "", errors.New("the private key is not PEM")
	}
	private, err := x509.ParsePKCS1PrivateKey(block.Bytes)
	if err != nil {
		return "", err
	}
	claims, err := json.Marshal(map[string]any{"sub": g.key.KeyID, "iat": now.Unix(), "jti": quickstart.Random()})
	if err != nil {
		return "", err
	}
	encode := base64.RawURLEncoding.EncodeToString
	signed := encode([]byte(`{"alg":"RS256","typ":"JWT"}`)) + "." + encode(claims)
	digest := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(nil, private, crypto.SHA256, digest[:])
	return signed + "." + encode(signature), err
}

func (g *gateway) send(ctx context.Context, method, path string, body, into any) error {
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			return err
		}
	}
	request, err := http.NewRequestWithContext(ctx, method, g.base+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "YourApp/1.0")
	status, answer, err := quickstart.Send(g.client, request)
	if err != nil {
		return err
	}
	if status != http.StatusOK {
		var said struct {
			Code    string `json:"status_code"`
			Message string `json:"message"`
		}
		_ = json.Unmarshal([]byte(answer), &said) // what is no JSON says nothing
		return &refusal{status, said.Code, said.Message}
	}
	return json.Unmarshal([]byte(answer), into)
}
