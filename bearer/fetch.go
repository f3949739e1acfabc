package bearer

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/go-jose/go-jose/v4/json"
)

const (
	// maxAnswer bounds every answer read from the authorization server: ample for a hundred keys.
	maxAnswer = 256 << 10
	// maxRetryAfter keeps a far-off Retry-After of the server from turning into an outage of the API.
	maxRetryAfter = 120 * time.Second
)

// statusError is an answer of the authorization server that was not 200.
type statusError struct {
	url        string
	status     int
	retryAfter time.Duration
}

func (e *statusError) Error() string { return fmt.Sprintf("%s answered %d", e.url, e.status) }

func (g *Guard) getJSON(ctx context.Context, url string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return fmt.Errorf("bearer: %w", err)
	}
	body, err := g.do(req)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("bearer: %s answered something that is not the JSON expected", url)
	}
	return nil
}

// do sends the request and reads a bounded 200 answer.
func (g *Guard) do(req *http.Request) ([]byte, error) {
	req.Header.Set("Accept", "application/json")
	res, err := g.cfg.HTTPClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("bearer: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("bearer: %w", &statusError{req.URL.Redacted(), res.StatusCode, retryAfter(res)})
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if err != nil {
		return nil, fmt.Errorf("bearer: reading %s: %w", req.URL.Redacted(), err)
	}
	if len(body) > maxAnswer {
		return nil, fmt.Errorf("bearer: %s answered more than %d bytes", req.URL.Redacted(), maxAnswer)
	}
	return body, nil
}

// retryAfter reads delay-seconds (RFC 9110 §10.2.3); the date form is left aside, since the two clocks may differ.
func retryAfter(res *http.Response) time.Duration {
	seconds, err := strconv.Atoi(res.Header.Get("Retry-After"))
	if err != nil || seconds < 1 {
		return 0
	}
	return min(time.Duration(min(seconds, 3600))*time.Second, maxRetryAfter)
}
